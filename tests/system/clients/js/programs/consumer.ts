// A strict consumer of every export, with the types of the vendors' own packages. test_types.py compiles it.
import { Realtime } from 'ably'
import AgoraChat from 'agora-chat'
import AgoraRTC from 'agora-rtc-sdk-ng'
import AgoraRTM from 'agora-rtm-sdk'
import { TokenSource as LiveKitTokenSource } from 'livekit-client'
import type Pusher from 'pusher-js'
import type { Options } from 'pusher-js'
import {
    ablyAuthCallback, iceServers, livekitTokenSource, pusherAuthorizer, renewAgoraChat, renewAgoraRtc, renewAgoraRtm,
    renewIceServers, tokenSource, TokenError, type Auth, type Credential, type TokenAnswer, type TokenSource
} from 'tokend-client'

const auth: Auth = async (rejected): Promise<Credential | null> => (rejected?.status === 401 ? { bearer: 'new' } : null)
const source: TokenSource = tokenSource({
    url: new URL('https://tokens.example.com/demo'),
    kind: 'rtc',
    fields: { channel: 'demo-room', uid: 7 },
    ttl: 600,
    auth,
    signal: new AbortController().signal,
    fetch: globalThis.fetch,
    onToken: (answer: TokenAnswer) => answer.token.length,
    onError: (error) => [error.code, error.detail, error.field?.length, error.requestId, error.retryAfter, error.temporary]
})
export const times: Promise<number | null> = source.get({ fresh: true }).then((answer) => answer.renew_at)
export const text: Promise<string> = source.token({ signal: AbortSignal.timeout(5_000) })
const leave: () => void = source.subscribe(({ token }) => token)

const rtc = AgoraRTC.createClient({ codec: 'vp8', mode: 'rtc' })
renewAgoraRtc(rtc, source, { onExpired: (answer) => rtc.join(String(answer.app_id), 'demo-room', answer.token, 7) })
const rtm = new AgoraRTM.RTM('app', 'ann')
renewAgoraRtm(rtm, source, { onExpired: ({ token }) => rtm.login({ token }), streamChannel: () => undefined })
const chat = new AgoraChat.connection({ appKey: 'org#app' })
renewAgoraChat(chat, source, { onError: console.error })
export const livekit = LiveKitTokenSource.literal(livekitTokenSource(source, 'wss://media.example.com'))
export const livekitToo = LiveKitTokenSource.custom(livekitTokenSource(source))
const customHandler = pusherAuthorizer({ url: '/demo', auth: { apiKey: 'key' } })
export const pusher: Options = { cluster: 'eu', channelAuthorization: { customHandler }, userAuthentication: { customHandler } }
export type Client = Pusher
export const ably = new Realtime({ authCallback: ablyAuthCallback(source) })
export const connection = iceServers(source).then((servers) => new RTCPeerConnection({ iceServers: servers }))
export const left = connection.then((made) => renewIceServers(made, source))
export const known = (error: unknown): string => (error instanceof TokenError ? `${error.status} ${error.message}` : '')
leave()

// @ts-expect-error kind is required
tokenSource({ url: '/demo' })
// @ts-expect-error a credential is one of two
tokenSource({ url: '/demo', kind: 'rtc', auth: { api_key: 'key' } })
