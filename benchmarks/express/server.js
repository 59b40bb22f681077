// A token server as people write it with Express and the vendor's builder. PORT, APP_ID and APP_CERTIFICATE are its environment.
'use strict'

const express = require('express')
const { RtcTokenBuilder, RtcRole } = require('agora-token')

const { PORT, APP_ID, APP_CERTIFICATE } = process.env
const app = express()

app.get('/rtc/:channel/:role/uid/:uid', (request, response) => {
    const { channel, role, uid } = request.params
    const granted = role === 'publisher' ? RtcRole.PUBLISHER : RtcRole.SUBSCRIBER
    response.set('Cache-Control', 'private, no-cache, no-store, must-revalidate')
    response.json({
        rtcToken: RtcTokenBuilder.buildTokenWithUid(APP_ID, APP_CERTIFICATE, channel, Number(uid), granted, 3600, 3600)
    })
})

app.listen(Number(PORT), '127.0.0.1')
