// The packages that docs/clients/javascript.md imports, in the place of the vendors': each keeps the calls of the page in `calls`.
// The vendors' own packages have tests of their own. Here the page's snippets run to their end without a network.
export const calls = []
const note = (name) => (...values) => void calls.push([name, ...values])

class Emitter {
    handlers = {}
    on = (event, handler) => (this.handlers[event] = handler)
    off = () => {}
    addEventListener = this.on
    removeEventListener = () => {}
    addEventHandler = (_id, handlers) => Object.assign(this.handlers, handlers)
    renewToken = async (token) => calls.push(['renewToken', token])
    join = async (...values) => calls.push(['join', ...values])
    login = async (...values) => calls.push(['login', ...values])
    open = async (...values) => calls.push(['open', ...values])
    constructor(...values) {
        calls.push(['made', ...values])
        Emitter.last = this
    }
}

const made = { createClient: () => new Emitter(), RTM: Emitter, connection: Emitter }
export const lastHandlers = () => Emitter.last.handlers

export class Room {
    connect = async (...values) => calls.push(['connect', ...values])
}
export const TokenSource = { literal: (fetch) => ({ fetch }) }

export default class Pusher {
    static createClient = made.createClient
    static RTM = made.RTM
    static connection = made.connection
    constructor(key, options) {
        this.options = options
        Pusher.last = this
    }
    subscribe(channelName) {
        const { customHandler } = this.options.channelAuthorization
        this.done = new Promise((resolve) => customHandler({ socketId: '1234.5678', channelName }, (...answer) => resolve(answer)))
    }
}
export const lastPusher = () => Pusher.last

export class Realtime {
    constructor({ authCallback }) {
        Realtime.last = this
        this.done = new Promise((resolve) => authCallback({}, (...answer) => resolve(answer)))
    }
}
export const lastAbly = () => Realtime.last

globalThis.RTCPeerConnection = class {
    signalingState = 'stable'
    constructor(configuration) {
        this.configuration = configuration
        calls.push(['connection', configuration])
    }
    getConfiguration = () => this.configuration
    setConfiguration = note('setConfiguration')
}
globalThis.accessToken = async ({ renew }) => (renew ? 'a-new-token' : process.env.API_KEY)
