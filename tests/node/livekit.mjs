// LiveKit's own packages behind a pipe, for tests/system/vendor/test_livekit.py; it knows nothing of tokend.
// A line in is a JSON list of requests {op, ...}, a line out the list of their answers, in the same order.
import readline from 'node:readline'
import { TokenVerifier } from 'livekit-server-sdk'
import { TokenSource } from 'livekit-client'

// the packages write warnings; standard output belongs to the answers
console.log = console.info = console.warn = console.error

const OPS = {
    verify: ({ token, key, secret }) => new TokenVerifier(key, secret).verify(token),
    fetch: ({ url, headers, options }) => TokenSource.endpoint(url, { headers }).fetch(options)
}

for await (const line of readline.createInterface({ input: process.stdin })) {
    const answers = []
    for (const request of JSON.parse(line)) {
        try {
            answers.push({ value: await OPS[request.op](request) })
        } catch (error) {
            answers.push({ error: String(error) })
        }
    }
    process.stdout.write(JSON.stringify(answers) + '\n')
}
