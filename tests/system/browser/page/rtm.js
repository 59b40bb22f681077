// `login` of agora-rtm-sdk 2: how it ended, if it did, and every state of the link on the way.
import AgoraRTM from 'agora-rtm-sdk'

window.links = []
window.login = (appId, user, token) => {
    const client = new AgoraRTM.RTM(appId, user)
    client.addEventListener('linkState', link => window.links.push(`${link.currentState} ${link.reasonCode}`))
    // without its network the client tries again for ever, so a login that goes on is not waited for
    client.login({ token }).then(
        () => (window.ended = { code: 0 }),
        error => (window.ended = { code: error.errorCode ?? error.code, operation: error.operation })
    )
}
