// A real OpenID Connect provider on loopback: npm's oidc-provider with a machine, a page and three users.
// `node server.js PORT KEYS ISSUER PAGE`: KEYS is a file that holds a JWKS of private keys; the first one of each kind
// signs. ISSUER is what its tokens name, PAGE the client that users sign in to, which is the audience of ID tokens.
// It prints its issuer when it listens, and ends when its standard input does.

import { readFileSync } from 'node:fs'
import Provider from 'oidc-provider'

const [port, keys, issuer, page] = process.argv.slice(2)

// any password does; `org` stands where each provider that we have a preset for would have it
const users = {
    ada: { org: 'acme', role: 'authenticated', app_metadata: { org: 'acme' }, realm_access: { roles: ['host'] } },
    bob: { org: 'bolt', role: 'authenticated', app_metadata: { org: 'bolt' }, realm_access: { roles: ['guest'] } },
    eve: { role: 'anon' }
}

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
        },
        {
            client_id: page,
            redirect_uris: ['https://app.example.com/signed-in'],
            token_endpoint_auth_method: 'none'
        }
    ],
    findAccount: (_, id) => (id in users ? { accountId: id, claims: () => ({ sub: id, ...users[id] }) } : undefined),
    claims: { openid: ['sub', 'org', 'role', 'app_metadata', 'realm_access'] },
    conformIdTokenClaims: false,
    features: {
        devInteractions: { enabled: true },
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

provider.proxy = true // what it says of its own addresses is made of X-Forwarded-Host and -Proto
const server = provider.listen(Number(port), '127.0.0.1', () => console.log(issuer))
process.stdin.on('end', () => server.close(() => process.exit(0))).resume()
