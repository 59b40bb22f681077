// A person's page with agora-react-uikit, its properties from the address: ?tokenUrl=…&appId=…&channel=…&uid=…
// The kit and the vendor's clients below it are the published ones. `happens` tells the kit what only the vendor's
// network could tell it here; `renewed` is what the kit gave the clients when a token ended.
import AgoraUIKit from 'agora-react-uikit'
import AgoraRTC from 'agora-rtc-react'
import AgoraRTM from 'agora-rtm-react'
import { createRoot } from 'react-dom/client'

const renewed = (window.renewed = [])

function noting(client) {
    const renewToken = client.renewToken.bind(client)
    client.renewToken = token => (renewed.push(token), renewToken(token))
    return client
}

const rtc = noting(AgoraRTC.createClient({ codec: 'vp8', mode: 'live' }))

// the kit makes its RTM client itself, so that one is caught on its way
let rtm
const createInstance = AgoraRTM.createInstance
AgoraRTM.createInstance = (...settings) => (rtm = noting(createInstance(...settings)))

window.happens = {
    callStands: () => void rtc.emit('connection-state-change', 'CONNECTED', 'CONNECTING'),
    rtcTokenEndsSoon: () => void rtc.emit('token-privilege-will-expire'),
    rtcTokenHasEnded: () => void rtc.emit('token-privilege-did-expire'),
    rtmTokenHasEnded: () => void rtm.emit('TokenExpired')
}

const asked = Object.fromEntries(new URLSearchParams(location.search))
const rtcProps = {
    appId: asked.appId,
    channel: asked.channel,
    tokenUrl: asked.tokenUrl,
    uid: Number(asked.uid),
    enableScreensharing: true,
    customRtcClient: rtc
}
// a style that the tests find the button by
const styleProps = { localBtnStyles: { screenshare: { gridArea: 'screenshare' } } }

createRoot(document.getElementById('root')).render(
    <AgoraUIKit rtcProps={rtcProps} rtmProps={{ username: 'tester' }} styleProps={styleProps} />
)
