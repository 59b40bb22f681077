// Builds tokens with the vendor's npm package and prints how many, and the last: see benchmarks/builders.py.
'use strict'

const { RtcTokenBuilder, RtcRole } = require('agora-token')

const { APP_ID, APP_CERTIFICATE, SECONDS } = process.env

function build(count) {
    let token = ''
    for (let made = 0; made < count; made++) {
        token = RtcTokenBuilder.buildTokenWithUid(APP_ID, APP_CERTIFICATE, 'room-1', 1001, RtcRole.PUBLISHER, 3600, 3600)
    }
    return token
}

build(20000) // until it is compiled
let builds = 0
let token = ''
const before = process.cpuUsage()
const begun = process.hrtime.bigint()
let taken = 0
while (taken < Number(SECONDS)) {
    token = build(500)
    builds += 500
    taken = Number(process.hrtime.bigint() - begun) / 1e9
}
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ builds, seconds: taken, cpu: (user + system) / 1e6, token }))
