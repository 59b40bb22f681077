// What the client says in node if no answer comes. CLOSED: an address at which nothing listens.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'

import { tokenSource } from '../../../../../clients/js/tokend-client.js'

const { CLOSED } = process.env

/** The detail of the first error of a source. */
function detailOf(url) {
    return new Promise((resolve) => {
        const onError = (error) => {
            source.stop()
            resolve(error.detail)
        }
        const source = tokenSource({ url, kind: 'rtc', fields: {}, onError })
        source.start()
    })
}

/** The detail where a server does this with each request. */
async function detailWhere(answer) {
    const server = createServer(answer)
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${server.address().port}`
    const detail = await detailOf(`${origin}/demo`)
    server.close()
    return detail.replace(`no answer from ${origin}: `, '')
}

test('a port at which nothing listens', async () => {
    const detail = `no answer from ${CLOSED}: nothing listens there. Is the server running, and is the port right?`
    assert.equal(await detailOf(`${CLOSED}/k/secret/demo`), detail)
})

test('a host without an address', async () => {
    assert.match(await detailOf('http://tokens.invalid/demo'), /: the host (has no address|could not be looked up)\. Is .*online\?$/)
})

test('a redirect', async () => {
    const detail = await detailWhere((_, response) => response.writeHead(307, { Location: '/other' }).end())
    assert.equal(detail, 'it is a redirect. Write the address to which it leads as url')
})

test('a connection that is closed', async () => {
    assert.match(await detailWhere((request) => request.socket.destroy()), /^[A-Z_]+: is the server running, and is url right\?$/)
})
