/** An answer of `POST v1/token`: the fields of the request and the kind, the token, and its times in Unix seconds. */
export interface TokenAnswer {
    token: string
    kind: string
    /** Seconds; null, as the times are, for a token that belongs to one connection. */
    ttl: number | null
    issued_at: number | null
    expires_at: number | null
    renew_at: number | null
    app_id?: string
    /** Agora's user: a number, or text. */
    uid?: number
    account?: string
    role?: string
    [field: string]: unknown
}

export type Credential = { apiKey: string } | { bearer: string }

/**
 * A function is called before every request. It is called again, with the error, if the server rejects its credential
 * (status 401). It may return null for no credential.
 */
export type Auth =
    | Credential
    | ((rejected?: TokenError) => Credential | null | undefined | Promise<Credential | null | undefined>)

export interface TokenSourceOptions {
    /** Where the app is served, such as `https://tokens.example.com/demo`. In a browser it may be relative. */
    url: string | URL
    /** The kind of token, such as `rtc`. */
    kind: string
    /** The fields of the kind, such as `{ channel: 'demo-room', uid: 7 }`. */
    fields?: Record<string, unknown> | undefined
    /** Seconds; the app's default if left out. */
    ttl?: number | undefined
    auth?: Auth | null | undefined
    /** Every new answer. */
    onToken?: ((answer: TokenAnswer) => void) | undefined
    /** Every failed request but a 401 after which `auth` is called once more. The source tries again if `error.temporary` is true. */
    onError?: ((error: TokenError) => void) | undefined
    /** Ends the source. */
    signal?: AbortSignal | undefined
    /** Seconds after which `get` and `renew` reject with the last error, or `get` gives a valid token. 30 if left out. */
    giveUpAfter?: number | undefined
    /** Seconds for one request. 10 if left out. */
    requestTimeout?: number | undefined
    fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
    /** The wall clock in milliseconds, `Date.now` if left out. */
    now?: (() => number) | undefined
    /** A clock in milliseconds that nobody sets, `performance.now` if left out. */
    monotonic?: (() => number) | undefined
    /** Calls back once after some milliseconds; returns a function that cancels it. */
    setTimer?: ((callback: () => void, milliseconds: number) => () => void) | undefined
    /** A number from 0 up to 1. */
    random?: (() => number) | undefined
}

export interface GetOptions {
    /** Ends this call; the source goes on. */
    signal?: AbortSignal | undefined
    /** Seconds after which this call waits no longer; `Infinity`: never. That of the source if left out. */
    giveUpAfter?: number | undefined
}

export interface TokenSource {
    /**
     * The answer that is cached until its `renew_at`, or a new one.
     * While the server cannot be reached, it is the cached answer for as long as that is valid.
     * `fresh`: only an answer in the first half of its life, to replace a token that is about to end.
     * Rejects with a `TokenError`, or with the reason of a signal.
     */
    get(options?: GetOptions & { fresh?: boolean | undefined }): Promise<TokenAnswer>
    /** The token of `get`. */
    token(options?: GetOptions & { fresh?: boolean | undefined }): Promise<string>
    /** A new answer, whatever is cached. A source that an error ended tries again. */
    renew(options?: GetOptions): Promise<TokenAnswer>
    /** Renews the token by itself from now on. A source that an error ended tries again. */
    start(): void
    /** Ends what `start` began. */
    stop(): void
    /**
     * Gives a function every new answer, and the cached one if there is one. The source renews by itself
     * until the function that this returns is called.
     */
    subscribe(listener: (answer: TokenAnswer) => void): () => void
}

export interface TokenErrorFields {
    code: string
    detail: string
    field?: string | undefined
    status?: number | undefined
    requestId?: string | undefined
    retryAfter?: number | undefined
    temporary?: boolean | undefined
    cause?: unknown
}

/** Why there is no token. */
export class TokenError extends Error {
    constructor(fields: TokenErrorFields)
    /** The server's code, such as `not_permitted`; else `network`, `not_tokend`, `auth` or `expired`. */
    readonly code: string
    readonly detail: string
    /** The field of the request that is wrong. */
    readonly field: string | undefined
    /** The HTTP status; 0 without an answer. */
    readonly status: number
    /** The id of the request in the server's log. */
    readonly requestId: string | undefined
    /** Seconds to wait, if the server named them. */
    readonly retryAfter: number | undefined
    /** The same request may succeed later. */
    readonly temporary: boolean
}

export function tokenSource(options: TokenSourceOptions): TokenSource

export interface SdkOptions {
    /** The token ended before a new one was given to the SDK: join or log in again with this answer, once there is one. */
    onExpired?: ((answer: TokenAnswer) => unknown) | undefined
    /** No new token, or the SDK did not take it. `console.error` if left out. */
    onError?: ((error: unknown) => void) | undefined
}

/** What is used of a client of agora-rtc-sdk-ng. */
export interface AgoraRtcClient {
    on(event: string, listener: Function): void
    off(event: string, listener: Function): void
    renewToken(token: string): Promise<void>
}

export interface AgoraRtmLink {
    currentState: string
    reasonCode: string
}

/** What is used of an `RTM` of agora-rtm-sdk 2. */
export interface AgoraRtmClient {
    addEventListener(event: 'tokenPrivilegeWillExpire', listener: (channelName: string) => void): void
    addEventListener(event: 'linkState', listener: (link: AgoraRtmLink) => void): void
    removeEventListener(event: 'tokenPrivilegeWillExpire', listener: (channelName: string) => void): void
    removeEventListener(event: 'linkState', listener: (link: AgoraRtmLink) => void): void
    renewToken(token: string, options?: { channelName?: string }): Promise<unknown>
}

/** What is used of a `connection` of agora-chat. */
export interface AgoraChatConnection {
    addEventHandler(id: string, handler: { onTokenWillExpire?: () => void; onTokenExpired?: () => void }): void
    removeEventHandler(id: string): void
    renewToken(token: string): Promise<unknown>
}

/** Gives a client of agora-rtc-sdk-ng a new token before its token ends. Returns a function that ends it. */
export function renewAgoraRtc(client: AgoraRtcClient, source: TokenSource, options?: SdkOptions): () => void

/**
 * The same for agora-rtm-sdk 2. `streamChannel` gives the source of the token of a stream channel; without it such a
 * token is not renewed.
 */
export function renewAgoraRtm(
    client: AgoraRtmClient,
    source: TokenSource,
    options?: SdkOptions & { streamChannel?: ((channelName: string) => TokenSource | undefined) | undefined }
): () => void

/** The same for agora-chat. */
export function renewAgoraChat(connection: AgoraChatConnection, source: TokenSource, options?: SdkOptions): () => void

/** A function for `TokenSource.literal` of livekit-client. `serverUrl`: the answer's `server_url` if left out. */
export function livekitTokenSource(
    source: TokenSource,
    serverUrl?: string
): () => Promise<{ serverUrl: string; participantToken: string }>

/**
 * A `customHandler` for `channelAuthorization` and `userAuthentication` of pusher-js.
 * `fields`: the user's, such as `{ user: 'ann' }`, for presence channels and signing in.
 */
export function pusherAuthorizer(
    options: Omit<TokenSourceOptions, 'kind'> & { kind?: string }
): (
    parameters: { socketId: string; channelName?: string },
    callback: (error: Error | null, data: any) => void
) => void

/** An `authCallback` for ably. */
export function ablyAuthCallback(
    source: TokenSource
): (parameters: unknown, callback: (error: any, token: any) => void) => void

export interface IceServer {
    urls: string[]
    username?: string
    credential?: string
}

/** What is used of an RTCPeerConnection. Its own type is unknown to programs for Node and for workers. */
export interface IceConnection {
    readonly signalingState: string
    getConfiguration(): object
    setConfiguration(configuration: { iceServers: IceServer[] }): void
}

/** The `iceServers` of an RTCPeerConnection, from a source of the kind `turn`. */
export function iceServers(source: TokenSource): Promise<IceServer[]>

/** Gives a connection each new credential, for its next ICE restart. Returns a function that ends it. */
export function renewIceServers(connection: IceConnection, source: TokenSource): () => void
