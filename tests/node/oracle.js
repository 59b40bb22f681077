// The vendor's published builders behind a pipe, for tests/oracle.py; it knows nothing of tokend.
// A line in is a JSON list of requests {op, ...}, a line out the list of their answers, in the same order.
// Texts come as texts (a uid as decimal digits, "" for any user), services with the field names of tests/vectors.
'use strict'

const readline = require('node:readline')
const vendor7 = require('agora-token/src/AccessToken2')
const vendor6 = require('agora-access-token/src/AccessToken')

// the vendor's parser prints its exceptions; standard output belongs to the answers
console.log = console.error

// By service type: what the vendor's constructor takes, and which of its fields hold what it read.
const SHAPES = {
    1: { make: s => new vendor7.ServiceRtc(s.channel, s.uid), texts: { channel: '__channel_name', uid: '__uid' } },
    2: { make: s => new vendor7.ServiceRtm(s.user_id), texts: { user_id: '__user_id' } },
    3: {
        make: s => new vendor7.ServiceStreaming(s.channel, s.account),
        texts: { channel: '__channel_name', account: '__account' }
    },
    4: { make: () => new vendor7.ServiceFpa(), texts: {} },
    5: { make: s => new vendor7.ServiceChat(s.user_id), texts: { user_id: '__user_id' } },
    6: {
        make: s => new vendor7.ServiceFCdn(s.channel, s.account),
        texts: { channel: '__channel_name', account: '__account' }
    },
    7: {
        make: s => new vendor7.ServiceApaas(s.room_uuid, s.user_uuid, s.role),
        texts: { room_uuid: '__room_uuid', user_uuid: '__user_uuid' }
    },
    8: { make: s => new vendor7.ServiceRtm2(s.user_id, permissions(s.permissions)), texts: { user_id: '__user_id' } },
    9: { make: () => new vendor7.ServiceConvoAI(), texts: {} },
    10: { make: () => new vendor7.ServiceStt(), texts: {} }
}

function permissions(details) {
    const made = new vendor7.Rtm2Permissions()
    for (const [resourceType, byPermission] of Object.entries(details)) {
        for (const [permission, resources] of Object.entries(byPermission)) {
            made.add(Number(resourceType), Number(permission), resources)
        }
    }
    return made
}

function shown(service) {
    const type = service.service_type()
    const fields = { type, privileges: service.__privileges }
    for (const [name, member] of Object.entries(SHAPES[type].texts)) {
        fields[name] = service[member].toString('utf8')
    }
    if (type === 7) {
        fields.role = service.__role
    }
    if (type === 8) {
        fields.permissions = service.__permissions.details
    }
    return fields
}

function made6(ask) {
    const token = new vendor6.AccessToken(ask.app_id, ask.certificate, ask.channel, ask.uid)
    token.salt = ask.salt
    token.ts = ask.ts
    for (const [privilege, until] of Object.entries(ask.privileges)) {
        token.addPriviledge(Number(privilege), until)
    }
    return token.build()
}

const OPS = {
    // the constructor takes 0 for "now", so the issue time is set afterwards like the salt
    build007(ask) {
        const token = new vendor7.AccessToken2(ask.app_id, ask.certificate, 1, ask.expire)
        token.issueTs = ask.issue_ts
        token.salt = ask.salt
        for (const service of ask.services) {
            const built = SHAPES[service.type].make(service)
            for (const [privilege, seconds] of Object.entries(service.privileges)) {
                built.add_privilege(Number(privilege), seconds)
            }
            token.add_service(built)
        }
        return { token: token.build() }
    },

    // `read`: whether the parser took it; `ok`: whether the signature is this certificate's
    verify007(ask) {
        const token = new vendor7.AccessToken2('', '', 1, 0)
        const read = token.from_string(ask.token)
        return {
            read,
            ok: token.verifySignature(ask.certificate),
            app_id: token.appId.toString(),
            issue_ts: token.issueTs,
            expire: token.expire,
            salt: token.salt,
            services: token.services.map(shown)
        }
    },

    build006(ask) {
        return { token: made6(ask) }
    },

    // The vendor has no verification for 006: what its parser reads is built anew for this channel and uid.
    verify006(ask) {
        const token = new vendor6.AccessToken('', '', '', '')
        if (!token.fromString(ask.token)) {
            return { read: false, ok: false }
        }
        // its parser cuts the App ID wrongly, so that comes from the text
        const { salt, ts, messages } = token
        const again = made6({ ...ask, app_id: ask.token.slice(3, 35), salt, ts, privileges: messages })
        return { read: true, ok: again === ask.token, salt, ts, privileges: messages }
    }
}

function answer(ask) {
    try {
        return OPS[ask.op](ask)
    } catch (error) {
        return { error: String(error) }
    }
}

readline.createInterface({ input: process.stdin }).on('line', line => {
    process.stdout.write(JSON.stringify(JSON.parse(line).map(answer)) + '\n')
})
