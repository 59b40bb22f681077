// tokenSource against a tokend whose clock is the simulated one. test_source.py runs each test by its name.
// Environment: TOKEND, the server's URL; CLOCK, where its time is set by POST.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { TokenError, ablyAuthCallback, renewAgoraRtc, renewAgoraRtm, tokenSource } from '../../../../../clients/js/tokend-client.js'
import { Simulation } from './simulation.mjs'

const { TOKEND, CLOCK, API_KEY } = process.env
const ROOM = { channel: 'demo-room', uid: 7 }

async function setServerTime(seconds) {
    assert.equal((await fetch(CLOCK, { method: 'POST', body: String(seconds) })).status, 200)
}

function made(changes = {}, skew = 0) {
    const simulation = new Simulation(setServerTime, skew)
    const source = tokenSource({ url: `${TOKEND}/demo`, kind: 'rtc', fields: ROOM, ttl: 90, ...simulation.options, ...changes })
    return { simulation, source }
}

/** What the server finds wrong with a token at the simulated time. */
async function problems(simulation, token) {
    await setServerTime(simulation.time)
    const body = JSON.stringify({ token, channel: ROOM.channel, uid: ROOM.uid })
    const headers = { 'Content-Type': 'application/json' }
    return (await (await fetch(`${TOKEND}/demo/v1/inspect`, { method: 'POST', headers, body })).json()).problems
}

function problem(status, headers = {}, body = {}) {
    return new Response(JSON.stringify({ code: 'unavailable', detail: 'not now', ...body }), { status, headers })
}

for (const [name, skew] of [['right', 0], ['two years ahead', 63e9], ['fifty years behind', -1.6e12]]) {
    test(`a token of 90 s is renewed without a gap while the local clock is ${name}`, async () => {
        const { simulation, source } = made({}, skew)
        source.start()
        const first = await source.token()
        const seen = new Set()
        for (let second = 0; second < 300; second += 1) {
            const token = await source.token()
            assert.deepEqual(await problems(simulation, token), [], `after ${second} s`)
            seen.add(token)
            await simulation.advance(1)
        }
        assert.notDeepEqual(await problems(simulation, first), []) // the server does look at its time
        assert.deepEqual(simulation.errors, [])
        assert.equal(seen.size, 300 / 60)
        assert.equal(simulation.requests.length, simulation.tokens.length)
        source.stop()
        assert.equal(simulation.timers, 0)
    })
}

test('an answer is kept until renew_at', async () => {
    const { simulation, source } = made()
    const answer = await source.get()
    assert.equal(answer.renew_at - answer.issued_at, 60)
    await simulation.advance(59)
    assert.equal(await source.get(), answer)
    assert.equal(simulation.requests.length, 1)
    await simulation.advance(1)
    assert.notEqual(await source.token(), answer.token)
    assert.equal(simulation.requests.length, 2)
    assert.equal(simulation.timers, 0)
})

test('a fresh answer is in the first half of its life', async () => {
    const { simulation, source } = made()
    const first = await source.get()
    await simulation.advance(44)
    assert.equal(await source.get({ fresh: true }), first)
    await simulation.advance(2)
    assert.equal(await source.get(), first)
    assert.notEqual(await source.get({ fresh: true }), first)
    assert.equal(simulation.requests.length, 2)
})

test('100 consumers make one request', async () => {
    const { simulation, source } = made()
    const answers = await Promise.all(Array.from({ length: 100 }, () => source.get()))
    assert.equal(new Set(answers).size, 1)
    await Promise.all(Array.from({ length: 100 }, (_, index) => (index % 2 ? source.token() : source.renew())))
    assert.equal(simulation.requests.length, 2)
})

test('a clock that somebody sets changes nothing', async () => {
    for (const jump of [-86_400_000, 86_400_000]) {
        const { simulation, source } = made()
        source.start()
        const first = await source.token()
        simulation.skew = jump
        await simulation.advance(59)
        assert.deepEqual(await problems(simulation, await source.token()), [])
        await simulation.advance(31)
        assert.deepEqual(await problems(simulation, await source.token()), [])
        assert.notEqual(await source.token(), first)
        assert.ok(simulation.requests.length <= 4, `${simulation.requests.length} requests`)
        source.stop()
    }
})

test('a sleep of an hour is survived', async () => {
    const { simulation, source } = made()
    source.start()
    const first = await source.token()
    await simulation.advance(2)
    simulation.sleep(3600)
    const second = await source.token() // at once, before any timer
    assert.notEqual(second, first)
    assert.deepEqual(await problems(simulation, second), [])
    simulation.sleep(3600)
    await simulation.advance(10) // by itself, as soon as a timer looks at the clock
    assert.equal(simulation.requests.length, 3)
    assert.deepEqual(await problems(simulation, simulation.tokens.at(-1).token), [])
    source.stop()
})

test('a sleep counts for a delay', async () => {
    const { simulation, source } = made()
    simulation.answers = [problem(503, { 'Retry-After': '600' })]
    source.start()
    await simulation.advance(1)
    simulation.sleep(3600)
    await simulation.advance(10)
    assert.equal(simulation.tokens.length, 1)
    source.stop()
})

test('a token that ends before it arrives is not given', async () => {
    let sleeps = 1
    const { simulation } = made()
    const network = simulation.options.fetch
    const slow = tokenSource({
        url: `${TOKEND}/demo`, kind: 'rtc', fields: ROOM, ttl: 90, ...simulation.options,
        fetch: async (url, init) => {
            const response = await network(url, init)
            if (sleeps-- > 0) simulation.sleep(3600)
            return response
        }
    })
    const token = slow.token()
    await simulation.advance(2)
    assert.deepEqual(simulation.errors.map(({ code }) => code), ['expired'])
    assert.deepEqual(await problems(simulation, await token), [])
})

test('429 with Retry-After of the server is obeyed', async () => {
    const { simulation, source } = made({ url: `${TOKEND}/limited`, giveUpAfter: 300 })
    await source.get()
    const [second] = [source.renew(), await simulation.settled()]
    const [error] = simulation.errors
    assert.deepEqual([error.status, error.code, error.temporary], [429, 'rate_limited', true])
    assert.ok(error.retryAfter > 5, `${error.retryAfter}`)
    await simulation.advance(error.retryAfter - 1)
    assert.equal(simulation.requests.length, 2)
    await simulation.advance(2)
    assert.notEqual((await second).token, simulation.tokens[0].token)
    assert.equal(simulation.requests.length, 3)
})

test('503 and Retry-After as a date are obeyed', async () => {
    const { simulation, source } = made({ giveUpAfter: 300 })
    const date = new Date((simulation.time + 60) * 1000).toUTCString()
    simulation.answers = [problem(503, { 'Retry-After': '20' }), problem(503, { 'Retry-After': date }), problem(503, {}, { retry_after: 7 })]
    const answer = source.get()
    await simulation.advance(200)
    await answer
    const times = simulation.requests.map(({ time }) => time - simulation.requests[0].time)
    assert.deepEqual(times.map(Math.round), [0, 20, 61, 69]) // each with half of the jitter's 0.5, 1 and 2 s
    assert.deepEqual(simulation.errors.map(({ retryAfter }) => Math.round(retryAfter)), [20, 40, 7])
})

test('a Retry-After as a date is compared with the Date of the same answer', async () => {
    const { simulation, source } = made({ giveUpAfter: 300 }, -3_600_000)
    const [sent, until] = [0, 20].map((seconds) => new Date((simulation.time + seconds) * 1000).toUTCString())
    simulation.answers = [problem(503, { 'Date': sent, 'Retry-After': until })]
    const answer = source.get()
    await simulation.advance(30)
    await answer
    assert.deepEqual(simulation.errors.map(({ retryAfter }) => retryAfter), [20])
})

test('a Retry-After of years is cut to an hour', async () => {
    const { simulation, source } = made({ giveUpAfter: 7200 })
    simulation.answers = [problem(503, { 'Retry-After': '99999999999' })]
    const answer = source.get()
    await simulation.advance(3599)
    assert.equal(simulation.requests.length, 1)
    await simulation.advance(2)
    await answer
})

test('a Retry-After that is none is passed over', async () => {
    const { simulation, source } = made()
    simulation.answers = [
        problem(503, { 'Retry-After': 'soon' }), problem(429, { 'Retry-After': '-5' }), problem(503, {}, { retry_after: 'NaN' }),
        problem(503, {}, { retry_after: {} }), problem(408, { 'Retry-After': 'Thu, 01 Jan 1970 00:00:00 GMT' })
    ]
    const answer = source.get()
    await simulation.advance(29)
    await answer
    const times = simulation.requests.map(({ time }) => time - simulation.requests[0].time)
    assert.deepEqual(times, [0, 0.25, 0.75, 1.75, 3.75, 7.75])
})

test('the delays double with full jitter up to 30 s', async () => {
    const { simulation, source } = made()
    simulation.offline = true
    simulation.random = () => 0.999999
    source.start()
    await simulation.advance(180)
    const times = simulation.requests.map(({ time }) => time)
    const delays = times.slice(1).map((time, index) => Math.round(10 * (time - times[index])) / 10)
    assert.deepEqual(delays.slice(0, 8), [0.5, 1, 2, 4, 8, 16, 30, 30])
    simulation.random = () => 0.1
    await simulation.advance(30)
    simulation.offline = false
    await simulation.advance(30)
    assert.equal(simulation.tokens.length, 1)
    simulation.offline = true
    simulation.random = () => 0.999999
    const before = simulation.requests.length
    await simulation.advance(62)
    const [first, second] = simulation.requests.slice(before).map(({ time }) => time)
    assert.equal(Math.round(10 * (second - first)), 5) // a success begins them again
    source.stop()
})

test('offline the valid token is given and a new one as soon as possible', async () => {
    const { simulation, source } = made()
    source.start()
    const first = await source.token()
    simulation.offline = true
    await simulation.advance(70)
    assert.ok(simulation.errors.length > 0)
    assert.equal(simulation.errors[0].code, 'network')
    assert.equal(await source.token(), first)
    const fresh = source.token({ fresh: true })
    simulation.offline = false
    await simulation.advance(30)
    assert.notEqual(await fresh, first)
    assert.equal(await source.token(), await fresh)
    source.stop()
})

test('get waits for a failing request only while no token is valid', async () => {
    const { simulation, source } = made()
    const first = await source.token()
    await simulation.advance(65)
    simulation.offline = true
    assert.equal(await source.token(), first) // the request fails
    const requests = simulation.requests.length
    assert.equal(await source.token(), first) // within the delay there is none
    assert.equal(simulation.requests.length, requests)
    await simulation.advance(26)
    const late = assert.rejects(source.get(), (error) => error instanceof TokenError && error.code === 'network')
    await simulation.advance(31)
    await late
    assert.equal(simulation.timers, 0) // nothing goes on for nobody
})

test('a request without an answer is given up', async () => {
    let hangs = true
    const { simulation } = made()
    const network = simulation.options.fetch
    const stuck = tokenSource({
        url: `${TOKEND}/demo`, kind: 'rtc', fields: ROOM, ...simulation.options, requestTimeout: 5,
        fetch: (url, init) => (hangs ? new Promise(() => {}) : network(url, init))
    })
    const answer = stuck.get()
    await simulation.advance(5)
    assert.match(simulation.errors[0].message, /^network: no answer within 5 s$/)
    hangs = false
    await simulation.advance(1)
    assert.equal((await answer).kind, 'rtc')
})

test('an answer of something else than tokend is temporary and named', async () => {
    const { simulation, source } = made()
    simulation.answers = [
        new Response('<html>sign in to the hotel</html>', { status: 200 }),
        new Response('<html>bad gateway</html>', { status: 502 }),
        new Response('null', { status: 200 }),
        new Response('{"token": "x", "issued_at": "now"}', { status: 200 })
    ]
    const answer = source.get()
    await simulation.advance(29)
    await answer
    assert.deepEqual(simulation.errors.map(({ code }) => code), Array(4).fill('not_tokend'))
    assert.match(simulation.errors[0].detail, /is url the address of an app/)
})

test('an error that cannot be repaired ends the source', async () => {
    const { simulation, source } = made({ fields: { channel: 'demo-room', uid: -1 } })
    source.start()
    const seen = await source.get().catch((error) => error)
    assert.ok(seen instanceof TokenError)
    assert.deepEqual([seen.status, seen.code, seen.field, seen.temporary], [400, 'invalid_field', 'uid', false])
    assert.match(seen.detail, /^uid /)
    assert.match(seen.requestId, /.+/)
    assert.equal(await source.get().catch((error) => error), seen)
    await simulation.advance(300)
    assert.equal(simulation.requests.length, 1)
    assert.equal(simulation.errors.length, 1)
    assert.equal(simulation.timers, 0)
    const again = await source.renew().catch((error) => error)
    assert.equal(simulation.requests.length, 2) // renew tries again
    assert.notEqual(again, seen)
    const denied = made({ fields: { channel: 'other', uid: 7 } })
    await assert.rejects(denied.source.get(), { status: 403, code: 'not_permitted' })
    const unknown = made({ url: `${TOKEND}/nothing` })
    await assert.rejects(unknown.source.get(), { status: 404, code: 'not_found' })
})

test('abort ends everything with its reason', async () => {
    const controller = new AbortController()
    const { simulation, source } = made({ signal: controller.signal })
    source.start()
    await source.get()
    simulation.offline = true
    await simulation.advance(100)
    const waiting = [source.get(), source.renew()].map((promise) => promise.catch((error) => error))
    await simulation.settled()
    controller.abort(new Error('signed out'))
    for (const reason of await Promise.all(waiting)) assert.equal(reason.message, 'signed out')
    assert.equal(simulation.timers, 0)
    source.start()
    const requests = simulation.requests.length
    for (const call of [source.get(), source.renew(), source.token()]) await assert.rejects(call, /signed out/)
    await simulation.advance(300)
    assert.equal(simulation.requests.length, requests)
    await assert.rejects(made({ signal: AbortSignal.abort() }).source.get(), { name: 'AbortError' })
})

test('abort reaches a request in flight', async () => {
    const controller = new AbortController()
    let aborted = false
    const hanging = (url, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => ((aborted = true), reject(signal.reason))))
    const { source, simulation } = made({ signal: controller.signal, fetch: hanging })
    const rejected = assert.rejects(source.get(), { name: 'AbortError' })
    await simulation.settled()
    controller.abort()
    await rejected
    assert.ok(aborted)
    assert.deepEqual(simulation.errors, [])
})

test('a request that nobody needs is ended and is no failure', async () => {
    let aborted = 0
    const { simulation } = made()
    const network = simulation.options.fetch
    const source = tokenSource({
        url: `${TOKEND}/demo`, kind: 'rtc', fields: ROOM, ...simulation.options,
        fetch: (url, init) => {
            if (aborted > 0) return network(url, init)
            return new Promise(() => init.signal.addEventListener('abort', () => (aborted += 1)))
        }
    })
    const controller = new AbortController()
    const left = assert.rejects(source.get({ signal: controller.signal }), { name: 'AbortError' })
    await simulation.settled()
    controller.abort()
    await left
    assert.equal(aborted, 1)
    assert.equal((await source.get()).kind, 'rtc') // without a delay
    assert.deepEqual(simulation.errors, [])
    assert.equal(simulation.timers, 0)
})

test('a caller can leave while the others wait on', async () => {
    const { simulation, source } = made()
    simulation.answers = [problem(503)]
    const controller = new AbortController()
    const leaving = assert.rejects(source.get({ signal: controller.signal }), { name: 'AbortError' })
    const staying = source.get()
    await simulation.settled()
    controller.abort()
    await leaving
    await assert.rejects(source.get({ signal: controller.signal }), { name: 'AbortError' })
    await simulation.advance(5)
    assert.equal((await staying).kind, 'rtc')
    assert.equal(simulation.requests.length, 2)
})

test('stop ends what start began', async () => {
    const { simulation, source } = made()
    source.start()
    await source.get()
    source.stop()
    await simulation.advance(300)
    assert.equal(simulation.requests.length, 1)
    simulation.offline = true
    source.start()
    await simulation.advance(20)
    source.stop()
    assert.equal(simulation.timers, 0)
    simulation.offline = false
    source.start()
    source.start()
    await simulation.advance(60)
    source.stop()
    assert.ok(simulation.tokens.length >= 2)
})

test('subscribers get each new answer and keep the source renewing', async () => {
    const { simulation, source } = made()
    const [first, second] = [[], []]
    const leave = source.subscribe((answer) => first.push(answer.token))
    await simulation.advance(61)
    assert.equal(first.length, 2)
    const leaveToo = source.subscribe((answer) => second.push(answer.token))
    await simulation.settled()
    assert.deepEqual(second, [first[1]]) // the cached one at once
    leave()
    await simulation.advance(60)
    assert.deepEqual([first.length, second.length], [2, 2])
    leaveToo()
    await simulation.advance(300)
    assert.equal(simulation.requests.length, 3)
    assert.equal(simulation.timers, 0)
})

test('a callback that throws or calls back stops nothing', async () => {
    const thrown = []
    process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error.message))
    const { simulation, source } = made({
        onToken: () => {
            throw new Error('a mistake of the page')
        }
    })
    let again = null
    source.subscribe(() => (again ??= source.renew()))
    await simulation.advance(1)
    assert.equal((await again).kind, 'rtc')
    await simulation.advance(61)
    assert.equal(simulation.requests.length, 3)
    process.setUncaughtExceptionCaptureCallback(null)
    assert.deepEqual(thrown, Array(3).fill('a mistake of the page'))
})

test('each way to authenticate', async () => {
    for (const auth of [{ apiKey: API_KEY }, { bearer: API_KEY }, async () => ({ apiKey: API_KEY })]) {
        const { source } = made({ url: `${TOKEND}/closed`, auth })
        assert.equal((await source.get()).kind, 'rtc')
    }
    for (const auth of [undefined, null, async () => null]) {
        await assert.rejects(made({ url: `${TOKEND}/closed`, auth }).source.get(), { status: 401, code: 'unauthenticated' })
    }
})

test('a function auth is called again once when its credential is rejected', async () => {
    const rejections = []
    const auth = (rejected) => (rejections.push(rejected?.code), { apiKey: rejected ? API_KEY : 'tk_old_0123456789abcdef' })
    const { simulation, source } = made({ url: `${TOKEND}/closed`, auth })
    assert.equal((await source.get()).kind, 'rtc')
    assert.equal(simulation.requests.length, 2)
    assert.deepEqual(rejections, [undefined, 'credential_invalid'])
    assert.deepEqual(simulation.errors, [])
    const bad = made({ url: `${TOKEND}/closed`, auth: async () => ({ apiKey: 'tk_old_0123456789abcdef' }) })
    await assert.rejects(bad.source.get(), { status: 401, temporary: false })
    assert.equal(bad.simulation.requests.length, 2)
})

test('a function auth that fails is called again later', async () => {
    let calls = 0
    const auth = async () => {
        calls += 1
        if (calls < 3) throw new Error('the identity provider is offline')
        return { apiKey: API_KEY }
    }
    const { simulation, source } = made({ url: `${TOKEND}/closed`, auth })
    const answer = source.get()
    await simulation.advance(10)
    await answer
    assert.deepEqual(simulation.errors.map(({ code, cause }) => [code, cause.message]), Array(2).fill(['auth', 'the identity provider is offline']))
})

test('no error shows a credential', async () => {
    const secret = 'tk_secret\r\nX-Evil: 1'
    for (const auth of [{ apiKey: secret }, { bearer: secret }, { api_key: secret }, { apiKey: 7 }]) {
        const error = await made({ auth }).source.get().catch((reason) => reason)
        assert.deepEqual([error.code, error.temporary, error.cause], ['auth', false, undefined])
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /tk_secret/)
    }
    const key = 'the-key-that-this-page-has-in-its-url'
    const { simulation, source } = made({ url: `${TOKEND}/closed/k/${key}` })
    simulation.offline = true
    void source.get().catch(() => {})
    await simulation.settled()
    assert.ok(!simulation.errors[0].message.includes(key))
    assert.throws(() => made({ url: 'https://ann:tk_secret@tokens.example.com/demo' }), (error) => !/tk_secret/.test(error.message))
})

test('odd values reach the server as they are', async () => {
    const odd = [
        'demo-"quotes"', "demo-<img src=x onerror=alert('1')>", 'demo-\\back/slash', 'demo-ünï-日本-😀', 'demo-%2F..%00', 'demo-{"a":1}', 'demo- \u2028'
    ]
    for (const channel of odd) {
        const { source, simulation } = made({ fields: { channel, uid: 7 } })
        const answer = await source.get().catch((error) => error)
        assert.equal(simulation.requests[0].body.channel, channel)
        if (answer instanceof TokenError) assert.deepEqual([answer.status, answer.field], [400, 'channel'], answer.message)
        else assert.equal(answer.channel, channel)
    }
    const user = '日本-<b>&amp;"\\'
    assert.equal((await made({ kind: 'chat', fields: { user } }).source.get().catch((error) => error)).field ?? user, 'user')
    const { simulation, source } = made({ fields: { ...ROOM, kind: 'rtm', ttl: 1, undefined: undefined, __proto__: { a: 1 } } })
    await source.get()
    assert.deepEqual(simulation.requests[0].body, { ...ROOM, kind: 'rtc', ttl: 90 })
    assert.equal(simulation.requests[0].redirect, 'error')
})

test('what cannot be a source is an error at once', () => {
    assert.throws(() => tokenSource({ url: '/demo', kind: 'rtc' }), TypeError) // relative, and there is no page
    assert.throws(() => tokenSource({ url: `${TOKEND}/demo` }), /kind must be text/)
    for (const url of ['ftp://tokens.example.com/demo', 'file:///demo', 'https://', 'https://ann@tokens.example.com/demo']) {
        assert.throws(() => tokenSource({ url, kind: 'rtc' }), TypeError, url)
    }
    const cycle = {}
    cycle.itself = cycle
    assert.throws(() => tokenSource({ url: TOKEND, kind: 'rtc', fields: cycle }), TypeError)
})

test('the address of an app may end in a slash and be the root', async () => {
    const { simulation, source } = made({ url: `${TOKEND}/demo///` })
    await source.get()
    assert.equal(simulation.requests[0].url, `${TOKEND}/demo/v1/token`)
    const parts = made({ url: new URL(`${TOKEND}/demo/?tenant=a%2Fb#part`) })
    await parts.source.get()
    assert.equal(parts.simulation.requests[0].url, `${TOKEND}/demo/v1/token?tenant=a%2Fb`)
    const root = made({ url: TOKEND })
    await root.source.get().catch(() => {})
    assert.equal(root.simulation.requests[0].url, `${TOKEND}/v1/token`)
})

test('a token of one connection is neither kept nor renewed', async () => {
    const { simulation, source } = made({ url: `${TOKEND}/connection`, kind: 'pusher', ttl: undefined, fields: { socket_id: '1234.5678', channel: 'private-room' } })
    source.start()
    const answer = await source.get()
    assert.deepEqual([answer.ttl, answer.renew_at], [null, null])
    await source.get()
    await simulation.advance(86_400)
    assert.equal(simulation.requests.length, 2)
    source.stop()
})

test('an adapter waits for a server that is away for longer than giveUpAfter', async () => {
    const { simulation, source } = made()
    const seen = { renewed: [], joined: [], errors: [] }
    const client = Object.assign(new EventEmitter(), { renewToken: async (token) => void seen.renewed.push(token) })
    const options = { onExpired: ({ token }) => void seen.joined.push(token), onError: (error) => void seen.errors.push(error) }
    const leave = renewAgoraRtc(client, source, options)
    await source.get()
    simulation.offline = true
    await simulation.advance(60)
    client.emit('token-privilege-will-expire')
    await simulation.advance(30)
    client.emit('token-privilege-did-expire')
    await simulation.advance(300)
    simulation.offline = false
    await simulation.advance(31)
    assert.deepEqual([seen.joined.length, seen.renewed, seen.errors], [1, [], []])
    simulation.offline = true
    client.emit('token-privilege-did-expire')
    await simulation.advance(60)
    leave()
    await simulation.settled()
    assert.equal(simulation.timers, 0, 'nothing goes on')
    assert.deepEqual(seen.errors, [])
})

test('a client that has left joins again, whatever its SDK says before', async () => {
    const { simulation, source } = made()
    const seen = { renewed: 0, joined: 0 }
    const client = Object.assign(new EventEmitter(), { renewToken: async () => void (seen.renewed += 1) })
    const leave = renewAgoraRtc(client, source, { onExpired: () => void (seen.joined += 1) })
    simulation.offline = true
    for (const event of ['did', 'did', 'will', 'will']) client.emit(`token-privilege-${event}-expire`)
    await simulation.advance(60)
    simulation.offline = false
    await simulation.advance(31)
    assert.deepEqual(seen, { renewed: 1, joined: 1 })
    leave()
    assert.equal(simulation.timers, 0)
})

test('calls of Ably at one time, such as authorize() while it connects, get an answer each', async () => {
    const { simulation, source } = made()
    const [first, second] = [ablyAuthCallback(source), ablyAuthCallback(source)]
    const seen = await Promise.all([first, second, first].map((call) => new Promise((resolve) => call({}, (_, token) => resolve(token)))))
    assert.equal(new Set(seen).size, 3)
    assert.equal(simulation.requests.length, 3)
})

test('each stream channel waits for its own token until it has no source, or the adapter ends', async () => {
    const { simulation, source } = made()
    const own = new Map(['demo-1', 'demo-2', 'demo-3'].map((name) => [name, made(simulation.options).source]))
    const seen = { renewed: [], errors: [] }
    const handlers = new Map()
    const client = {
        addEventListener: (name, handler) => void handlers.set(name, handler),
        removeEventListener: (name) => void handlers.delete(name),
        renewToken: async (token, { channelName }) => void seen.renewed.push(channelName)
    }
    const leave = renewAgoraRtm(client, source, {
        streamChannel: (name) => own.get(name),
        onError: (error) => void seen.errors.push(error)
    })
    const soon = (...names) => names.forEach((name) => handlers.get('tokenPrivilegeWillExpire')(name))
    simulation.offline = true
    soon('demo-1', 'demo-2', 'demo-3', 'demo-2')
    await simulation.advance(60)
    own.delete('demo-3') // it was left
    soon('demo-3')
    await simulation.advance(60)
    simulation.offline = false
    await simulation.advance(31)
    assert.deepEqual([seen.renewed.sort(), seen.errors], [['demo-1', 'demo-2'], []])
    simulation.offline = true
    await simulation.advance(60)
    soon('demo-1', 'demo-2')
    await simulation.advance(60)
    leave()
    await simulation.settled()
    assert.deepEqual([simulation.timers, handlers.size, seen.errors], [0, 0, []])
})

test('a call may give up at another time than the source', async () => {
    const { simulation, source } = made()
    simulation.offline = true
    const [early, late] = [source.get({ giveUpAfter: 5 }), source.renew({ giveUpAfter: 60 })].map((call) => call.catch(({ code }) => code))
    await simulation.advance(6)
    assert.equal(await Promise.race([early, late]), 'network')
    simulation.offline = false
    await simulation.advance(40)
    assert.equal((await late).kind, 'rtc')
})

test('a call that gives up before a slow request gets the token that is still valid', async () => {
    const { simulation, source } = made({ giveUpAfter: 5 })
    const first = await source.get()
    await simulation.advance(65)
    simulation.answers = Array(3).fill(new Promise(() => {}))
    const [kept, fresh] = [source.get(), source.get({ fresh: true })].map((call) => call.catch(({ code }) => code))
    await simulation.advance(6)
    assert.equal(await kept, first)
    assert.equal(await fresh, 'network')
    await simulation.advance(15)
    const late = source.get().catch(({ code }) => code)
    await simulation.advance(6)
    assert.equal(await late, 'network') // it has ended
    assert.equal(simulation.timers, 0)
})

test('a page of a proxy ends only a source that never had a token', async () => {
    const page = (status) => new Response('<html>no backend</html>', { status })
    for (const status of [401, 403, 404]) {
        const { simulation, source } = made()
        source.start()
        const first = await source.token()
        simulation.answers = [page(status), page(status)]
        await simulation.advance(60)
        assert.equal(await source.token(), first)
        await simulation.advance(5)
        assert.notEqual(await source.token(), first)
        assert.deepEqual(simulation.errors.map(({ code, temporary }) => [code, temporary]), Array(2).fill(['not_tokend', true]))
        source.stop()
        const wrong = made()
        wrong.simulation.answers = [page(status)]
        await assert.rejects(wrong.source.get(), { status, code: 'not_tokend', temporary: false })
    }
})

test('a token is kept until its end, if the answer says that it is to be renewed later', async () => {
    const { simulation, source } = made()
    const times = { ttl: 90, issued_at: 0, expires_at: 90, renew_at: 500 }
    simulation.answers = [new Response(JSON.stringify({ token: 'first', kind: 'rtc', ...times }))]
    assert.equal(await source.token(), 'first')
    await simulation.advance(89)
    assert.equal(await source.token(), 'first')
    await simulation.advance(1)
    assert.notEqual(await source.token(), 'first')
})

test('a limit of Infinity is no limit', async () => {
    await setServerTime(Date.now() / 1000)
    for (const seconds of [Infinity, 30 * 86_400]) {
        const limits = { giveUpAfter: seconds, requestTimeout: seconds }
        const source = tokenSource({ url: `${TOKEND}/demo`, kind: 'rtc', fields: ROOM, ...limits })
        assert.equal((await source.get()).kind, 'rtc')
    }
})

test('the real clocks and timers are used if none are given', async () => {
    await setServerTime(Date.now() / 1000)
    const source = tokenSource({ url: `${TOKEND}/demo`, kind: 'rtc', fields: ROOM })
    const seen = []
    const leave = source.subscribe((answer) => seen.push(answer))
    assert.equal((await source.get()).kind, 'rtc')
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(seen.length, 1)
    leave() // the process ends: no timer is left
})
