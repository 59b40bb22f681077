// The adapters with the SDKs that run in node: livekit-client, pusher-js and ably of tests/node. test_sdks_in_node.py runs it.
// Arguments: the name of an adapter, the URL of the app, the port of the vendor's stand-in. Prints one JSON value.
import { createRequire } from 'node:module'
import { ablyAuthCallback, livekitTokenSource, pusherAuthorizer, tokenSource } from '../../../../../clients/js/tokend-client.js'

const require = createRequire(new URL('../../../../node/', import.meta.url))
const [adapter, url, port, ...rest] = process.argv.slice(2)
console.warn = () => {} // where the SDKs write

let requests = 0
const counted = (...request) => ((requests += 1), fetch(...request))

const adapters = {
    async livekit() {
        const { TokenSource } = require('livekit-client')
        const source = tokenSource({ url, kind: 'livekit', fields: { room: 'room-1', identity: 'ann' }, fetch: counted })
        const literal = TokenSource.literal(livekitTokenSource(source))
        const custom = TokenSource.custom(livekitTokenSource(source, 'wss://other.example.com'))
        const details = [await literal.fetch(), await literal.fetch(), await custom.fetch({ roomName: 'room-1' })]
        return { details, payload: custom.getCachedResponseJwtPayload(), requests }
    },

    async ably() {
        const Ably = require('ably')
        const published = []
        for (const fields of rest.map((text) => JSON.parse(text))) {
            const source = tokenSource({ url, kind: 'ably', fields, fetch: counted })
            const client = new Ably.Rest({
                authCallback: ablyAuthCallback(source), endpoint: 'localhost', port: Number(port), tls: false,
                useBinaryProtocol: false, logLevel: 0, httpMaxRetryCount: 0
            })
            try {
                await client.channels.get('chat:lobby').publish('greeting', 'hello')
                const first = client.auth.tokenDetails.token
                const again = await client.auth.authorize() // Ably takes a TokenRequest once: this must be another one
                published.push({ token: first, again: again.token })
            } catch (error) {
                published.push({ statusCode: error.statusCode, code: error.code, message: error.message })
            }
        }
        return { published, requests }
    },

    pusher() {
        const Pusher = require('pusher-js')
        const [key, apiKey, ...channels] = rest
        const customHandler = pusherAuthorizer({ url, auth: { apiKey }, fields: { user: 'ann', watchlist: ['bob'] }, fetch: counted })
        const pusher = new Pusher(key, {
            cluster: '', wsHost: '127.0.0.1', wsPort: Number(port), forceTLS: false, enabledTransports: ['ws'], disableStats: true,
            channelAuthorization: { customHandler }, userAuthentication: { customHandler }
        })
        const happened = []
        return new Promise((resolve) => {
            const note = (...event) => {
                happened.push(event)
                if (happened.length === channels.length + 1) {
                    pusher.disconnect()
                    resolve({ happened: happened.sort(), requests })
                }
            }
            pusher.bind('pusher:signin_success', (data) => note('signed in', JSON.parse(data.user_data).id))
            pusher.signin()
            for (const name of channels) {
                const channel = pusher.subscribe(name)
                channel.bind('pusher:subscription_error', ({ type, error }) => note('error', name, type, error))
                channel.bind('pusher:subscription_succeeded', (members) => note('subscribed', name, members?.me ?? null))
            }
        })
    }
}

console.log(JSON.stringify(await adapters[adapter]()))
process.exit(0)
