// A source whose server goes away and comes back. test_restart.py starts and stops the server.
// Argument: the URL of the app. A line on standard input lets that many simulated seconds pass; the answer is one JSON line.
import readline from 'node:readline'
import { tokenSource } from '../../../../../clients/js/tokend-client.js'
import { Simulation } from './simulation.mjs'

const simulation = new Simulation()
const fields = { channel: 'demo-room', uid: 7 }
const source = tokenSource({ url: process.argv[2], kind: 'rtc', fields, ttl: 90, ...simulation.options })
source.start()

for await (const line of readline.createInterface({ input: process.stdin })) {
    await simulation.advance(Number(line))
    const errors = simulation.errors.splice(0).map(({ code, status, retryAfter }) => ({ code, status, retryAfter: retryAfter ?? null }))
    console.log(JSON.stringify({ errors, tokens: simulation.tokens.map(({ token }) => token) }))
}
source.stop()
