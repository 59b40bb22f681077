// @ts-check
// The same request as code to copy. A credential is a placeholder: it never leaves the form.

/** @typedef {import("./api.js").Credential} Credential */

/**
 * Code for a request, by language.
 * @param {string} url of the app, without a slash at the end @param {Record<string, any>} body @param {Credential} credential
 * @returns {[string, string][]}
 */
export function snippetsOf(url, body, credential) {
  const withoutKey = url.replace(/\/k\/[^/]+$/, "");
  if (credential.urlKey !== undefined || withoutKey !== url) url = `${withoutKey}/k/YOUR-KEY`;
  return [
    ["curl", curl(url, body, credential)],
    ["JavaScript, renewed by itself", javascript(url, body, credential)],
    ["Python, renewed by itself", python(url, body, credential)],
    ["JavaScript, once", fetched(url, body, credential)],
  ];
}

/** @param {string} text */
function quotedForShell(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** @param {string} url @param {Record<string, any>} body @param {Credential} credential */
function curl(url, body, credential) {
  const header = credential.apiKey !== undefined ? " \\\n  -H 'X-API-Key: YOUR-KEY'" : credential.bearer !== undefined ? " \\\n  -H 'Authorization: Bearer YOUR-JWT'" : "";
  return `curl ${quotedForShell(`${url}/v1/token`)}${header} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quotedForShell(JSON.stringify(body))}`;
}

/** @param {Record<string, any>} body */
function parts(body) {
  const { kind, ttl, ...fields } = body;
  return { kind, ttl, fields };
}

/** A value as JavaScript that may stand in a page: none of its texts ends the script. @param {unknown} value */
function inScript(value) {
  return JSON.stringify(value).replaceAll("<", String.raw`\u003c`);
}

/** @param {string} url @param {Record<string, any>} body @param {Credential} credential */
function javascript(url, body, credential) {
  const { kind, ttl, fields } = parts(body);
  const auth = credential.apiKey !== undefined ? '\n  auth: { apiKey: "YOUR-KEY" },' : credential.bearer !== undefined ? '\n  auth: async () => ({ bearer: await yourJwt() }),' : "";
  const lifetime = ttl === undefined ? "" : `\n  ttl: ${inScript(ttl)},`;
  // a key in a page is public, so that code is for Node, which imports no URL
  const head =
    credential.apiKey === undefined
      ? `// In a page this is a module script. The app's cors must name the page's origin: the demo names localhost with any port.
import { tokenSource } from ${inScript(`${url}/client.js`)};`
      : `// An API key in a page is public: use it in Node alone. A page sends the JWT of its user. Save the client beside this file:
// curl -o tokend-client.mjs ${quotedForShell(`${url}/client.js`)}
import { tokenSource } from "./tokend-client.mjs";`;
  return `${head}

const source = tokenSource({
  url: ${inScript(url)},
  kind: ${inScript(kind)},
  fields: ${inScript(fields)},${lifetime}${auth}
  onToken: (answer) => console.log("a token until", new Date(answer.expires_at * 1000)),
  onError: (error) => console.error(error),
});
source.start();
const answer = await source.get(); // answer.token, until answer.expires_at`;
}

/** @param {string} url @param {Record<string, any>} body @param {Credential} credential */
function fetched(url, body, credential) {
  const header = credential.apiKey !== undefined ? ', "X-API-Key": "YOUR-KEY"' : credential.bearer !== undefined ? ', Authorization: "Bearer YOUR-JWT"' : "";
  return `const response = await fetch(${inScript(`${url}/v1/token`)}, {
  method: "POST",
  headers: { "Content-Type": "application/json"${header} },
  body: JSON.stringify(${inScript(body)}),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.token);`;
}

/** A value as Python writes it. @param {unknown} value @returns {string} */
function inPython(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(inPython).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, of]) => `${JSON.stringify(name)}: ${inPython(of)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** @param {string} url @param {Record<string, any>} body @param {Credential} credential */
function python(url, body, credential) {
  const { kind, ttl, fields } = parts(body);
  const names = ["TokenSource", ...(credential.apiKey !== undefined ? ["ApiKey"] : []), ...(credential.bearer !== undefined ? ["Bearer"] : [])].sort();
  const auth = credential.apiKey !== undefined ? ', auth=ApiKey("YOUR-KEY")' : credential.bearer !== undefined ? ', auth=Bearer("YOUR-JWT")' : "";
  const lifetime = ttl === undefined ? "" : `, ttl=${inPython(ttl)}`;
  return `import asyncio

from tokend.client import ${names.join(", ")}


async def main() -> None:
    async with TokenSource(${JSON.stringify(url)}, ${JSON.stringify(kind)}, ${inPython(fields)}${lifetime}${auth}) as source:
        async for token in source.tokens():
            print("a token until", token.expires_at)


asyncio.run(main())`;
}
