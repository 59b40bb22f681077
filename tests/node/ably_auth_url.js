// Ably's own client: it gets a token through `authUrl`, then publishes to a stand-in of Ably's REST host on loopback.
// Arguments: the URL, its method, the port of the stand-in, and the token's parameters as JSON.
const Ably = require('ably')

const [authUrl, authMethod, port, parameters] = process.argv.slice(2)
const rest = new Ably.Rest({
    authUrl, authMethod, authParams: { lobby: 'yes' }, endpoint: 'localhost', port: Number(port), tls: false,
    useBinaryProtocol: false, logLevel: 0, httpMaxRetryCount: 0,
})
rest.auth.authorize(JSON.parse(parameters))
    .then(async (details) => {
        await rest.channels.get('chat:lobby').publish('greeting', 'hello')
        console.log(JSON.stringify({ token: details.token, clientId: details.clientId }))
    })
    .catch((error) => console.log(JSON.stringify({ error: error.message, statusCode: error.statusCode, code: error.code })))
