// npm pusher-js as an app uses it, for tests/system/vendor/test_pusher_js.py; it knows nothing of tokend.
// Arguments: port of the WebSocket server, URL of the authorizations, key of the app, API key. Then it subscribes to the channels that follow.
// Prints what happens, one JSON list a line, and ends when each channel has answered and the sign-in is done.
'use strict'

const Pusher = require('pusher-js')

const [port, url, key, apiKey, ...channels] = process.argv.slice(2)
const say = (...what) => console.log(JSON.stringify(what))
const headers = { 'X-API-Key': apiKey }
const pusher = new Pusher(key, {
    cluster: '',
    wsHost: '127.0.0.1',
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws'],
    disableStats: true,
    channelAuthorization: { endpoint: `${url}/pusher/auth`, transport: 'ajax', headers },
    userAuthentication: { endpoint: `${url}/pusher/user-auth`, transport: 'ajax', headers }
})

let open = channels.length + 1
const done = () => {
    open -= 1
    if (open === 0) {
        pusher.disconnect()
        process.exit(0)
    }
}

pusher.user.bind_global((event, data) => say('user', event, data))
pusher.bind('pusher:signin_success', data => {
    say('signed in', data)
    done()
})
pusher.connection.bind('error', error => say('error', String(error)))
pusher.signin()
for (const name of channels) {
    const channel = pusher.subscribe(name)
    channel.bind('pusher:subscription_error', error => {
        say('refused', name, error.status)
        done()
    })
    channel.bind('pusher:subscription_succeeded', members => {
        say('subscribed', name, members && members.me)
        if (!name.startsWith('private-encrypted-')) done()
    })
    channel.bind('news', data => {
        say('decrypted', name, data)
        done()
    })
}
