// A LiveKit token server as people write it with Express and LiveKit's SDK. PORT and LIVEKIT_… are its environment.
'use strict'

const express = require('express')
const { AccessToken } = require('livekit-server-sdk')

const { PORT, LIVEKIT_API_KEY, LIVEKIT_API_SECRET, LIVEKIT_URL } = process.env
const app = express()

app.post('/api/connection-details', express.json(), async (request, response) => {
    const { room_name: roomName, participant_identity: identity } = request.body
    const token = new AccessToken(LIVEKIT_API_KEY, LIVEKIT_API_SECRET, { identity, ttl: '1h' })
    token.addGrant({ room: roomName, roomJoin: true, canPublish: true, canPublishData: true, canSubscribe: true })
    response.set('Cache-Control', 'private, no-cache, no-store, must-revalidate')
    response.json({
        serverUrl: LIVEKIT_URL,
        roomName,
        participantName: identity,
        participantToken: await token.toJwt()
    })
})

app.listen(Number(PORT), '127.0.0.1')
