// Tokens from a tokend server: fetched, cached, and renewed before they end. For browsers and Node 18 or later.
// tokenSource() makes a source of one token. The functions below it connect a source to the SDKs of vendors.
// The types are in tokend-client.d.ts.

/** @typedef {import('./tokend-client.js').TokenAnswer} TokenAnswer */
/** @typedef {import('./tokend-client.js').TokenSource} TokenSource */
/** @typedef {import('./tokend-client.js').TokenSourceOptions} TokenSourceOptions */
/** @typedef {import('./tokend-client.js').GetOptions} GetOptions */
/** @typedef {import('./tokend-client.js').TokenErrorFields} TokenErrorFields */
/** @typedef {import('./tokend-client.js').SdkOptions} SdkOptions */
/** @typedef {{ wall: number, steady: number }} Moment milliseconds of both clocks */
/** @typedef {{ fresh: boolean, resolve: (answer: TokenAnswer) => void, reject: (error: unknown) => void }} Waiter */

/** Milliseconds. A timer stands still while the machine sleeps, so no timer waits longer before the clocks are read. */
const LONGEST_TIMER = 10_000
/** Milliseconds. The shortest time between two renewals, whatever an answer says. */
const SHORTEST_LIFE = 1_000
/** Milliseconds. Limits of the delay after the first failure and after many. */
const FIRST_DELAY = 500
const LONGEST_DELAY = 30_000
/** Seconds. A longer `Retry-After` of a server or proxy is cut. */
const LONGEST_RETRY_AFTER = 3_600
/** Milliseconds, 24 days. After so many and more, setTimeout calls back at once. */
const TOO_LONG = 2 ** 31
/** Statuses below 500 after which the same request may succeed later. */
const TEMPORARY = [408, 425, 429]
/** Ends a request that nobody waits for any more. */
const NOT_NEEDED = Symbol('not needed')

/** Why there is no token. `code`, `detail`, `field`, `requestId` and `retryAfter` (seconds) are the server's own. */
export class TokenError extends Error {
    /** @param {TokenErrorFields} fields */
    constructor({ code, detail, field, status = 0, requestId, retryAfter, temporary = false, cause }) {
        super(`${code}: ${detail}`, cause === undefined ? undefined : { cause })
        this.name = 'TokenError'
        this.code = code
        this.detail = detail
        this.field = field
        this.status = status
        this.requestId = requestId
        this.retryAfter = retryAfter
        this.temporary = temporary
    }
}

/**
 * A source of one token. Nothing is requested before `get`, `renew`, `start` or `subscribe`.
 *
 * How long a token lasts comes from the times in the answer, counted from the moment at which it was requested. So it
 * does not matter what the local clock shows, whether somebody sets it, or whether the machine sleeps.
 * @param {TokenSourceOptions} options
 * @returns {TokenSource}
 */
export function tokenSource(options) {
    const { kind, fields, ttl, auth, signal, onToken, onError, giveUpAfter = 30, requestTimeout = 10 } = options
    const send = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
    const now = options.now ?? Date.now
    const monotonic = options.monotonic ?? (() => performance.now())
    const random = options.random ?? Math.random
    const setTimer = options.setTimer ?? systemTimer
    const endpoint = endpointOf(options.url)
    if (typeof kind !== 'string') throw new TypeError('kind must be text, such as "rtc"')
    const body = JSON.stringify({ ...fields, kind, ...(ttl === undefined ? {} : { ttl }) })

    /** @type {({ answer: TokenAnswer, at: Moment } & ReturnType<typeof lifeOf>) | null} */
    let current = null
    /** @type {unknown} Why the source has ended: a TokenError, or the reason of the signal. */
    let ended = null
    /** @type {TokenError | null} */
    let lastError = null
    let failures = 0
    /** @type {{ at: Moment, delay: number } | null} No request is sent before this delay is over. */
    let blocked = null
    let started = false
    let running = false
    /** @type {(reason: unknown) => void} Ends the request in flight. */
    let abandon = () => {}
    let cancelTimer = () => {}
    let wake = () => {}
    /** @type {Set<Waiter>} */
    const waiters = new Set()
    /** @type {Set<(answer: TokenAnswer) => void>} */
    const listeners = new Set()

    const moment = () => ({ wall: now(), steady: monotonic() })
    // the wall clock goes on while the machine sleeps, the other one does not go back when somebody sets the clock
    const age = (/** @type {Moment} */ at) => Math.max(now() - at.wall, monotonic() - at.steady)
    /** @param {'fresh' | 'keep' | 'due' | 'valid'} limit */
    const within = (limit) => current !== null && age(current.at) < current[limit]
    const usable = () => (current !== null && within('valid') ? current.answer : null)
    const due = () => (started || listeners.size > 0) && !within('due')
    const needed = () => !ended && (waiters.size > 0 || due())
    const delayLeft = () => (blocked === null ? 0 : blocked.delay - age(blocked.at))

    /** Sends requests while somebody needs a token. It runs once at a time, so one request is in flight. */
    async function run() {
        if (running) return
        running = true
        while (needed()) {
            const left = delayLeft()
            if (left > 0) await sleep(left)
            else await attempt().then(accept, fail)
        }
        running = false
        schedule()
    }

    /** @param {number} milliseconds @returns {Promise<void>} Returns early, for the clocks to be read again. */
    function sleep(milliseconds) {
        return new Promise((resolve) => {
            const cancel = setTimer(resolve, Math.min(Math.ceil(milliseconds), LONGEST_TIMER))
            wake = () => (cancel(), resolve())
        })
    }

    /** Sets the timer of the next renewal. */
    function schedule() {
        cancelTimer()
        if (ended || running || current === null || current.due === Infinity || !(started || listeners.size > 0)) return
        const left = Math.max(0, Math.ceil(current.due - age(current.at)))
        cancelTimer = setTimer(() => void (due() ? run() : schedule()), Math.min(left, LONGEST_TIMER))
    }

    /** @returns {Promise<{ answer: TokenAnswer, at: Moment }>} */
    function attempt() {
        const controller = new AbortController()
        return new Promise((resolve, reject) => {
            const late = { code: 'network', detail: `no answer within ${requestTimeout} s`, temporary: true }
            const cancel = setTimer(() => abandon(new TokenError(late)), requestTimeout * 1000)
            abandon = (reason) => {
                cancel()
                reject(reason)
                controller.abort()
            }
            request(controller.signal).then(resolve, reject).finally(cancel)
        })
    }

    /** @param {AbortSignal} abort */
    async function request(abort) {
        try {
            return await post(undefined, abort)
        } catch (error) {
            // the credential may have ended: a function can give another one, once
            if (!(error instanceof TokenError) || error.status !== 401 || typeof auth !== 'function') throw error
            return post(error, abort)
        }
    }

    /** @param {TokenError | undefined} rejected @param {AbortSignal} abort */
    async function post(rejected, abort) {
        const headers = await headersFor(auth, rejected)
        const at = moment()
        let response, text
        try {
            const init = { method: 'POST', headers, body, signal: abort, redirect: /** @type {const} */ ('error') }
            response = await send(endpoint.href, { ...init, cache: 'no-store', referrerPolicy: 'no-referrer' })
            text = await response.text()
        } catch (cause) {
            // not the whole address: its path may hold a key
            const detail = `no answer from ${endpoint.origin}: ${checksOf(endpoint.origin, cause)}`
            throw new TokenError({ code: 'network', detail, temporary: true, cause })
        }
        const answer = parsed(text)
        if (!response.ok || !isAnswer(answer)) throw errorOf(response, answer, now, current !== null)
        return { answer, at }
    }

    /** @param {{ answer: TokenAnswer, at: Moment }} received */
    function accept({ answer, at }) {
        const life = lifeOf(answer)
        if (life.valid > 0 && age(at) >= life.valid) {
            // the machine slept, or the answer took too long
            fail(new TokenError({ code: 'expired', detail: 'the token ended before it arrived', temporary: true }))
            return
        }
        failures = 0
        blocked = lastError = null
        current = { answer, at, ...life }
        for (const waiter of [...waiters]) waiter.resolve(answer)
        notify([onToken, ...listeners], answer)
    }

    /** @param {unknown} reason */
    function fail(reason) {
        if (reason === NOT_NEEDED || ended) return
        const unknown = { code: 'network', detail: 'the request failed', temporary: true, cause: reason }
        const error = reason instanceof TokenError ? reason : new TokenError(unknown)
        if (!error.temporary) {
            end(error)
        } else {
            const jitter = random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures)
            blocked = { at: moment(), delay: Math.min(error.retryAfter ?? 0, LONGEST_RETRY_AFTER) * 1000 + jitter }
            lastError = error
            failures += 1
            const answer = usable()
            for (const waiter of [...waiters]) if (answer !== null && !waiter.fresh) waiter.resolve(answer)
        }
        notify([onError], error)
    }

    /** @param {unknown} reason */
    function end(reason) {
        ended = reason
        started = false
        for (const waiter of [...waiters]) waiter.reject(reason)
        quit()
    }

    /** Stops what nobody needs. */
    function quit() {
        if (needed()) return
        abandon(NOT_NEEDED)
        wake()
        schedule()
    }

    /** @param {boolean} fresh @param {GetOptions} [options] @returns {Promise<TokenAnswer>} */
    function wait(fresh, { signal: abort, giveUpAfter: limit = giveUpAfter } = {}) {
        if (abort?.aborted) return Promise.reject(reasonOf(abort))
        const cached = () => (fresh ? null : usable())
        const held = delayLeft() > 0 ? cached() : null
        if (held !== null) return Promise.resolve(held)
        return new Promise((resolve, reject) => {
            const leave = () => {
                cancel()
                abort?.removeEventListener('abort', aborted)
                waiters.delete(waiter)
            }
            const waiter = {
                fresh,
                resolve: (/** @type {TokenAnswer} */ answer) => (leave(), resolve(answer)),
                reject: (/** @type {unknown} */ error) => (leave(), reject(error))
            }
            const aborted = () => (waiter.reject(reasonOf(abort)), quit())
            const late = { code: 'network', detail: `no token within ${limit} s`, temporary: true }
            const giveUp = () => {
                const answer = cached()
                if (answer === null) waiter.reject(lastError ?? new TokenError(late))
                else waiter.resolve(answer)
                quit()
            }
            const cancel = setTimer(giveUp, limit * 1000)
            abort?.addEventListener('abort', aborted)
            waiters.add(waiter)
            void run()
        })
    }

    /** Forgets an error, so that the source tries again; an aborted source stays ended. */
    function revive() {
        if (!signal?.aborted) ended = null
    }

    /** @param {GetOptions & { fresh?: boolean | undefined }} [choice] */
    function get({ fresh = false, ...options } = {}) {
        if (ended) return Promise.reject(ended)
        if (current !== null && within(fresh ? 'fresh' : 'keep')) return Promise.resolve(current.answer)
        return wait(fresh, options)
    }

    if (signal?.aborted) ended = reasonOf(signal)
    signal?.addEventListener('abort', () => end(reasonOf(signal)), { once: true })

    return {
        get,
        token: (choice) => get(choice).then((answer) => answer.token),
        renew(options) {
            revive()
            return ended ? Promise.reject(ended) : wait(true, options)
        },
        start() {
            revive()
            started = !ended
            void run()
        },
        stop() {
            started = false
            quit()
        },
        subscribe(listener) {
            const entry = (/** @type {TokenAnswer} */ answer) => listener(answer)
            listeners.add(entry)
            queueMicrotask(() => {
                if (listeners.has(entry) && current !== null && within('keep')) notify([entry], current.answer)
            })
            void run()
            return () => {
                listeners.delete(entry)
                quit()
            }
        }
    }
}

/** @type {NonNullable<TokenSourceOptions['setTimer']>} */
function systemTimer(callback, milliseconds) {
    if (milliseconds >= TOO_LONG) return () => {} // such as Infinity: never
    const timer = setTimeout(callback, milliseconds)
    return () => clearTimeout(timer)
}

/** Some platforms have no reasons. @param {AbortSignal | undefined} signal @returns {unknown} */
function reasonOf(signal) {
    return signal?.reason ?? Object.assign(new Error('aborted'), { name: 'AbortError' })
}

/** @param {string | URL} url */
function endpointOf(url) {
    const { href } = new URL(url, globalThis.location?.href)
    const [, origin, path = '', query = ''] = /^(https?:\/\/[^/?#@]+)(\/[^?#]*)(\?[^#]*)?/.exec(href) ?? []
    if (origin === undefined) throw new TypeError('url must be http or https, without a user or a password')
    return { origin, href: `${origin}${path.replace(/\/*$/, '')}/v1/token${query}` }
}

/** What to check when there is no answer, by the codes of Node. @type {Record<string, string>} */
const CHECKS = {
    ECONNREFUSED: 'nothing listens there. Is the server running, and is the port right?',
    ENOTFOUND: 'the host has no address. Is its name right, and is this machine online?',
    EAI_AGAIN: 'the host could not be looked up. Is this machine online?'
}

/**
 * What to check when there is no answer. A browser does not say why; Node does.
 * @param {string} origin of the server @param {any} error of fetch
 */
function checksOf(origin, error) {
    const page = globalThis.location?.origin
    const { code, message } = error?.cause ?? {}
    if (globalThis.navigator?.onLine === false) return 'the browser says that this device is offline'
    if (page === origin) return 'is the server running?'
    if (page !== undefined) return `is the server running, is url right, and does the app's cors name this page's origin, ${page}?`
    if (message === 'unexpected redirect') return 'it is a redirect. Write the address to which it leads as url'
    return CHECKS[code] ?? `${code ? `${code}: ` : ''}is the server running, and is url right?`
}

/** @param {TokenSourceOptions['auth']} auth @param {TokenError} [rejected] */
async function headersFor(auth, rejected) {
    let credential
    try {
        credential = typeof auth === 'function' ? await auth(rejected) : auth
    } catch (cause) {
        throw new TokenError({ code: 'auth', detail: 'the function auth failed', temporary: true, cause })
    }
    const headers = new Headers({ 'Content-Type': 'application/json' })
    if (credential === undefined || credential === null) return headers
    const { apiKey, bearer } = /** @type {{ apiKey?: unknown, bearer?: unknown }} */ (credential)
    try {
        if (typeof apiKey === 'string') headers.set('X-API-Key', apiKey)
        else if (typeof bearer === 'string') headers.set('Authorization', `Bearer ${bearer}`)
        else throw new TypeError()
    } catch {
        // without the original error, whose message holds the credential
        throw new TokenError({ code: 'auth', detail: 'auth must be {apiKey} or {bearer}: text that a header can hold' })
    }
    return headers
}

/** @param {string} text @returns {Record<string, any>} */
function parsed(text) {
    try {
        return Object(JSON.parse(text))
    } catch {
        return {}
    }
}

/** @param {Record<string, any>} answer @returns {answer is TokenAnswer} */
function isAnswer(answer) {
    const times = [answer.issued_at, answer.renew_at, answer.expires_at]
    return typeof answer.token === 'string' && times.every((time) => time === null || Number.isFinite(time))
}

/**
 * An address that was right before is not wrong now: an answer that is not tokend's is then a proxy's, for a while.
 * @param {Response} response @param {Record<string, any>} problem @param {() => number} now @param {boolean} right
 */
function errorOf(response, problem, now, right) {
    const { status } = response
    const known = typeof problem.code === 'string'
    const hint = response.ok ? 'an answer without a token and its times' : `an answer with status ${status}`
    return new TokenError({
        code: known ? problem.code : 'not_tokend',
        detail: typeof problem.detail === 'string' ? problem.detail : `${hint}: is url the address of an app?`,
        field: problem.field,
        status,
        requestId: problem.request_id ?? response.headers.get('X-Request-ID') ?? undefined,
        retryAfter: secondsOf(response.headers.get('Retry-After') ?? problem.retry_after, response.headers.get('Date'), now),
        temporary: response.ok || status >= 500 || TEMPORARY.includes(status) || (right && !known)
    })
}

/**
 * A date is compared with the `Date` of the same answer, if the page may read that: the clocks may differ.
 * @param {unknown} value Retry-After: seconds, or a date (RFC 9110). @param {string | null} sent @param {() => number} now
 */
function secondsOf(value, sent, now) {
    if (value === null || value === undefined) return undefined
    const since = () => Date.parse(sent ?? '') || now()
    const seconds = /^\d+$/.test(String(value)) ? Number(value) : (Date.parse(String(value)) - since()) / 1000
    return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined
}

/**
 * Milliseconds: how long an answer is fresh, how long it is kept, when it is renewed, and how long it is valid.
 * @param {TokenAnswer} answer
 */
function lifeOf({ issued_at: issued, renew_at: renew, expires_at: expires }) {
    // such a token belongs to one connection: it is neither kept nor renewed
    if (issued === null || renew === null || expires === null) return { fresh: 0, keep: 0, due: Infinity, valid: 0 }
    const keep = Math.max(SHORTEST_LIFE, (Math.min(renew, expires) - issued) * 1000)
    const valid = (expires - issued) * 1000
    return { fresh: Math.min(keep, valid / 2), keep, due: keep, valid }
}

/**
 * Calls these functions. One that throws stops neither the others nor the source.
 * @template T
 * @param {(((value: T) => void) | undefined)[]} callbacks
 * @param {T} value
 */
function notify(callbacks, value) {
    for (const callback of callbacks) {
        try {
            callback?.(value)
        } catch (error) {
            queueMicrotask(() => {
                throw error
            })
        }
    }
}

// ---- SDKs of vendors ----

/** @param {TokenSource} source @param {(token: string) => Promise<unknown>} renewToken @param {SdkOptions} options */
function replacing(source, renewToken, { onExpired, onError = console.error }) {
    const report = (/** @type {any} */ error) => void (error?.name === 'AbortError' || onError(error))
    const over = new TokenError({ code: 'expired', detail: 'the token has ended: join again with a new one' })
    let renewing = new AbortController()
    let joining = new AbortController()
    /** The SDK tells each event once, so its wait lasts until the server is back. */
    const patient = (/** @type {AbortController} */ { signal }) => ({ signal, giveUpAfter: Infinity })
    const stop = () => (renewing.abort(), joining.abort())
    return {
        // the SDK may say so shortly before renew_at, so the cached token may be the one that it has
        soon() {
            renewing.abort()
            renewing = new AbortController()
            return source.get({ fresh: true, ...patient(renewing) }).then(({ token }) => renewToken(token)).catch(report)
        },
        // it ends the wait of `soon`, which does not end this one: the client has left, and only joining brings it back
        expired() {
            stop()
            joining = new AbortController()
            return onExpired ? source.renew(patient(joining)).then(onExpired).catch(report) : report(over)
        },
        stop
    }
}

/** agora-rtc-sdk-ng @type {typeof import('./tokend-client.js').renewAgoraRtc} */
export function renewAgoraRtc(client, source, options = {}) {
    const { soon, expired, stop } = replacing(source, (token) => client.renewToken(token), options)
    client.on('token-privilege-will-expire', soon)
    client.on('token-privilege-did-expire', expired)
    return () => {
        stop()
        client.off('token-privilege-will-expire', soon)
        client.off('token-privilege-did-expire', expired)
    }
}

/** agora-rtm-sdk 2 @type {typeof import('./tokend-client.js').renewAgoraRtm} */
export function renewAgoraRtm(client, source, { streamChannel, ...options } = {}) {
    const { soon, expired, stop } = replacing(source, (token) => client.renewToken(token), options)
    /** @type {Map<string, ReturnType<typeof replacing>>} By the name of the stream channel, which has a token of its own. */
    const streams = new Map()
    const willExpire = (/** @type {string | undefined} */ channelName) => {
        if (!channelName) return void soon()
        streams.get(channelName)?.stop()
        const own = streamChannel?.(channelName)
        if (!own) return
        const stream = replacing(own, (token) => client.renewToken(token, { channelName }), options)
        streams.set(channelName, stream)
        void stream.soon()
    }
    const linkState = (/** @type {{ currentState: string, reasonCode: string }} */ link) => {
        if (link.currentState === 'FAILED' && link.reasonCode === 'TOKEN_EXPIRED') void expired()
    }
    client.addEventListener('tokenPrivilegeWillExpire', willExpire)
    client.addEventListener('linkState', linkState)
    return () => {
        for (const each of [{ stop }, ...streams.values()]) each.stop()
        client.removeEventListener('tokenPrivilegeWillExpire', willExpire)
        client.removeEventListener('linkState', linkState)
    }
}

let chatHandlers = 0

/** agora-chat @type {typeof import('./tokend-client.js').renewAgoraChat} */
export function renewAgoraChat(connection, source, options = {}) {
    const { soon, expired, stop } = replacing(source, (token) => connection.renewToken(token), options)
    const id = `tokend-client-${(chatHandlers += 1)}`
    connection.addEventHandler(id, { onTokenWillExpire: () => void soon(), onTokenExpired: () => void expired() })
    return () => {
        stop()
        connection.removeEventHandler(id)
    }
}

/** livekit-client: for TokenSource.literal @type {typeof import('./tokend-client.js').livekitTokenSource} */
export function livekitTokenSource(source, serverUrl) {
    return async () => {
        const answer = await source.get()
        return { serverUrl: serverUrl ?? String(answer.server_url), participantToken: answer.token }
    }
}

/** pusher-js: a customHandler of both kinds @type {typeof import('./tokend-client.js').pusherAuthorizer} */
export function pusherAuthorizer({ signal, fields, kind = 'pusher', ...options }) {
    return ({ socketId, channelName }, callback) => {
        const subject = channelName === undefined ? { sign_in: true } : { channel: channelName }
        const { watchlist, ...user } = fields ?? {}
        // a private channel has no user, and a watchlist is for signing in
        const about = channelName === undefined ? fields : channelName.startsWith('presence-') ? user : {}
        const source = tokenSource({ ...options, kind, fields: { ...about, socket_id: socketId, ...subject } })
        source.get({ signal }).then(
            (answer) => callback(null, /** @type {any} */ (answer)),
            (error) => callback(error, null)
        )
    }
}

/** What Ably has taken: it takes a TokenRequest once. @type {WeakSet<TokenAnswer>} */
const taken = new WeakSet()

/** A new answer; never a cached one, or one that another call of the same time took. @param {TokenSource} source */
async function untaken(source) {
    let answer
    do {
        answer = await source.renew()
    } while (taken.has(answer))
    taken.add(answer)
    return answer
}

/** ably: an authCallback @type {typeof import('./tokend-client.js').ablyAuthCallback} */
export function ablyAuthCallback(source) {
    return (_parameters, callback) => {
        untaken(source).then(
            ({ token }) => callback(null, token.startsWith('{') ? JSON.parse(token) : token),
            (error) => {
                // status 403 ends Ably's connection, 401 lets it try again
                const [code, statusCode] = error.temporary ? [40170, 401] : [40300, 403]
                const failure = Object.assign(new Error(error.message), { code, statusCode, cause: error })
                callback(/** @type {any} */ (failure), null)
            }
        )
    }
}

/** The iceServers of an RTCPeerConnection. @type {typeof import('./tokend-client.js').iceServers} */
export async function iceServers(source) {
    return serversOf(await source.get())
}

/** Gives a connection each new credential. @type {typeof import('./tokend-client.js').renewIceServers} */
export function renewIceServers(connection, source) {
    const stop = source.subscribe((answer) => {
        if (connection.signalingState === 'closed') stop()
        else connection.setConfiguration({ ...connection.getConfiguration(), iceServers: serversOf(answer) })
    })
    return stop
}

/** @param {TokenAnswer} answer */
function serversOf(answer) {
    const uris = /** @type {string[]} */ (answer.uris)
    const stun = uris.filter((uri) => uri.startsWith('stun:'))
    const urls = uris.filter((uri) => !stun.includes(uri))
    const relay = { urls, username: String(answer.username), credential: String(answer.password) }
    return stun.length > 0 ? [{ urls: stun }, relay] : [relay]
}
