// A real OpenID Connect provider on loopback: npm's oidc-provider with one machine client and one resource.
// `node server.js PORT KEYS`: KEYS is a file that holds a JWKS of private keys; the first one of each kind signs.
// It prints its issuer when it listens, and ends when its standard input does.

import { readFileSync } from 'node:fs'
import Provider from 'oidc-provider'

const [port, keys] = process.argv.slice(2)
const issuer = `http://127.0.0.1:${port}`

const provider = new Provider(issuer, {
    jwks: JSON.parse(readFileSync(keys, 'utf8')),
    clients: [
        {
            client_id: 'studio',
            client_secret: 'a-secret-of-the-tests',
            grant_types: ['client_credentials'],
            redirect_uris: [],
            response_types: [],
            token_endpoint_auth_method: 'client_secret_post'
        }
    ],
    features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
            enabled: true,
            getResourceServerInfo: (_, audience) => ({
                scope: 'tokens',
                audience,
                accessTokenTTL: 600,
                accessTokenFormat: 'jwt',
                jwt: { sign: { alg: new URL(audience).searchParams.get('alg') ?? 'RS256' } }
            })
        }
    },
    // what a person's profile would hold
    extraTokenClaims: () => ({ org: 'acme' })
})

const server = provider.listen(Number(port), '127.0.0.1', () => console.log(issuer))
process.stdin.on('end', () => server.close(() => process.exit(0))).resume()
