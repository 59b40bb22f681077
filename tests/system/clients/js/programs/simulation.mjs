// A client's clocks, timers and network, as the arguments that tokenSource takes. Time passes only in `advance` and `sleep`.
// The server that it talks to has the simulated time too: `setServerTime` is called before each request.

/** Macrotasks in which promises that are settled call what waits for them. */
const TURNS = 3

export class Simulation {
    requests = []
    errors = []
    tokens = []
    /** Answers in the place of the network, in order: a Response, an Error that is thrown, or null for the network. */
    answers = []
    offline = false
    random = () => 0.5

    #true = 1_800_000_000_000 // Unix milliseconds
    #steady = 5_000
    #timers = new Set()
    #inFlight = 0

    /** @param setServerTime takes Unix seconds @param skew milliseconds by which the client's wall clock is wrong */
    constructor(setServerTime = async () => {}, skew = 0) {
        this.setServerTime = setServerTime
        this.skew = skew
    }

    /** Options for tokenSource. */
    get options() {
        return {
            now: () => this.#true + this.skew,
            monotonic: () => this.#steady,
            random: () => this.random(),
            setTimer: (callback, milliseconds) => {
                const timer = { at: this.#steady + milliseconds, callback }
                this.#timers.add(timer)
                return () => this.#timers.delete(timer)
            },
            fetch: (url, init) => this.#fetch(url, init),
            onError: (error) => this.errors.push(error),
            onToken: (answer) => this.tokens.push(answer)
        }
    }

    get timers() {
        return this.#timers.size
    }

    /** Unix seconds of the server. */
    get time() {
        return this.#true / 1000
    }

    async #fetch(url, init) {
        this.#inFlight += 1
        try {
            this.requests.push({ url, ...init, body: JSON.parse(init.body), time: this.time })
            if (this.offline) throw new TypeError('fetch failed')
            const answer = this.answers.shift() ?? null
            if (answer instanceof Error) throw answer
            if (answer !== null) return answer
            await this.setServerTime(this.time)
            const response = await fetch(url, init)
            return new Response(await response.text(), response)
        } finally {
            this.#inFlight -= 1
        }
    }

    /** Lets time pass: each timer that is due calls back, and the requests that it begins are answered. */
    async advance(seconds) {
        const end = this.#steady + seconds * 1000
        await this.settled()
        for (;;) {
            const [next] = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)
            if (next === undefined) break
            this.#timers.delete(next)
            this.#pass(Math.max(0, next.at - this.#steady))
            next.callback()
            await this.settled()
        }
        this.#pass(end - this.#steady)
    }

    /** The machine sleeps: only the wall clock goes on. */
    sleep(seconds) {
        this.#true += seconds * 1000
    }

    #pass(milliseconds) {
        this.#true += milliseconds
        this.#steady += milliseconds
    }

    /** Waits until no request is in flight and nothing more follows from the last answer. */
    async settled() {
        for (let turn = 0; turn < TURNS; turn += 1) {
            await new Promise((resolve) => setImmediate(resolve))
            if (this.#inFlight > 0) turn = -1
        }
    }
}
