// The adapters with the vendor's SDKs for browsers. Each function of `adapters` gives what happened, as JSON.
// The SDKs are the published ones; they have no network here, so each is told what only its platform could tell it.
import AgoraChat from 'agora-chat'
import AgoraRTC from 'agora-rtc-sdk-ng'
import AgoraRTM from 'agora-rtm-sdk'
import {
    iceServers, renewAgoraChat, renewAgoraRtc, renewAgoraRtm, renewIceServers, tokenSource
} from '../../../../../clients/js/tokend-client.js'

const APP_ID = '970CA35de60c44645bbae8a215061b33'
const turn = () => new Promise((resolve) => setTimeout(resolve))

async function until(holds) {
    for (const end = performance.now() + 15_000; performance.now() < end && !holds(); ) await turn()
}

/** A source whose clocks can be put forward, and what its adapter did with `client`. */
function watched(url, kind, fields, client) {
    const seen = { renewed: [], channels: [], expired: [], errors: [] }
    let ahead = 0
    const source = tokenSource({ url, kind, fields, ttl: 60, now: () => Date.now() + ahead, onToken: ({ token }) => (seen.last = token) })
    const renewToken = client.renewToken.bind(client)
    client.renewToken = (token, options) => {
        seen.renewed.push(token)
        seen.channels.push(options?.channelName ?? null)
        return renewToken(token, options) // the SDK itself: it is not joined, and says so
    }
    const options = { onExpired: ({ token }) => seen.expired.push(token), onError: (error) => seen.errors.push(String(error)) }
    return { seen, source, options, forward: (seconds) => (ahead += seconds * 1000) }
}

window.adapters = {
    async rtc(url) {
        const client = AgoraRTC.createClient({ codec: 'vp8', mode: 'live' })
        const { seen, source, options, forward } = watched(url, 'rtc', { channel: 'demo-room', uid: 7 }, client)
        const first = await source.token()
        const leave = renewAgoraRtc(client, source, options)
        forward(29)
        client.emit('token-privilege-will-expire')
        await until(() => seen.renewed.length === 1) // the cached one is good for more than half of its life
        forward(2)
        client.emit('token-privilege-will-expire')
        await until(() => seen.errors.length === 2)
        client.emit('token-privilege-did-expire')
        await until(() => seen.expired.length === 1)
        leave()
        const listeners = ['will', 'did'].map((when) => client.getListeners(`token-privilege-${when}-expire`).length)
        renewAgoraRtc(client, source, { onError: options.onError })
        client.emit('token-privilege-did-expire')
        return { first, listeners, ...seen }
    },

    async rtm(url) {
        const client = new AgoraRTM.RTM(APP_ID, 'ann')
        const platform = client._rtmImpl // where the SDK emits what its listeners get
        const { seen, source, options, forward } = watched(url, 'rtm', { user: 'ann' }, client)
        const first = await source.token()
        const channel = tokenSource({ url, kind: 'rtc', fields: { channel: 'demo-stage', uid: 7 } })
        const leave = renewAgoraRtm(client, source, { ...options, streamChannel: (name) => (name === 'demo-stage' ? channel : undefined) })
        forward(31)
        platform._context.internalEmitter.emit('UserTicketNearlyExpire', { messageChannels: [] })
        await until(() => seen.errors.length === 1)
        platform.emit('tokenPrivilegeWillExpire', 'demo-stage')
        platform.emit('tokenPrivilegeWillExpire', 'demo-other')
        await until(() => seen.errors.length === 2)
        platform.emit('linkState', { currentState: 'FAILED', reasonCode: 'TOKEN_EXPIRED' })
        platform.emit('linkState', { currentState: 'CONNECTING', reasonCode: 'LOGIN' })
        await until(() => seen.expired.length === 1)
        leave()
        platform.emit('tokenPrivilegeWillExpire', '')
        platform.emit('linkState', { currentState: 'FAILED', reasonCode: 'TOKEN_EXPIRED' })
        await turn()
        return { first, stage: await channel.token(), ...seen }
    },

    async chat(url) {
        const connection = new AgoraChat.connection({ appKey: 'org#app' })
        const { seen, source, options } = watched(url, 'chat', { user: 'ann' }, connection)
        const leave = renewAgoraChat(connection, source, options)
        connection.tokenExpireTimeCountDown(3000) // the SDK's own timers, as after it logged in: 2.4 and 3 s
        await until(() => seen.expired.length === 1)
        leave()
        connection.tokenExpireTimeCountDown(20)
        await new Promise((resolve) => setTimeout(resolve, 60))
        return seen
    },

    async turn(url) {
        const answers = []
        const source = tokenSource({ url, kind: 'turn', fields: { user: 'ann' }, onToken: (answer) => answers.push(answer) })
        const connection = new RTCPeerConnection({ iceServers: await iceServers(source), iceTransportPolicy: 'relay' })
        const configurations = [connection.getConfiguration()]
        const errors = []
        addEventListener('error', (event) => errors.push(event.message))
        const renewed = tokenSource({ url, kind: 'turn', fields: { user: 'ann' }, ttl: 120, onToken: (answer) => answers.push(answer) })
        renewIceServers(connection, renewed)
        await until(() => answers.length === 2)
        configurations.push(connection.getConfiguration())
        connection.close()
        await renewed.renew() // a closed connection takes none, and is left
        await turn()
        return { answers, errors, configurations: configurations.map(({ iceServers, iceTransportPolicy }) => ({ iceServers, iceTransportPolicy })) }
    }
}
