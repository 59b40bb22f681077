// @ts-check
// What a token says: first what it gives, whose it is and when it ends, in words; then every other field.

import { element, inWords, marked, timeOf } from "./dom.js";
import { valueNode } from "./values.js";

/** @typedef {import("./dom.js").Child} Child */

/** @type {Record<string, string>} */
const OWNERS = { yours: "this app", another: "another app, not this one", unknown: "this server cannot say which" };

/** A token's content as `v1/inspect` answers it, without its problems and notes. @param {any} says */
export function contentNode(says) {
  const { gives, app, app_id: appId, signature, signed_by: signedBy, issued_at: issuedAt, expires_at: expiresAt, lasts, seconds_left: left, expired, ...rest } = says;
  /** @type {[string, Child[]][]} */
  const rows = [];
  if (gives?.length) rows.push(["gives", [element("ul", { class: "plain" }, gives.map((/** @type {string} */ sentence) => element("li", {}, sentence)))]]);
  if (app) rows.push(["app", appId ? [element("code", {}, appId), ` (${OWNERS[app] ?? app})`] : [OWNERS[app] ?? app]]);
  if (signature) rows.push(["signature", [element("span", { class: signature === "valid" ? "good" : "bad" }, signature === "valid" ? "✓ valid" : `✗ ${signature}`)]]);
  if (signedBy) rows.push(["signed by", [element("code", {}, signedBy)]]);
  if (typeof issuedAt === "number") rows.push(["issued", [timeOf(issuedAt)]]);
  if (typeof expiresAt === "number") rows.push([expired ? "ended" : "ends", [timeOf(expiresAt), expired || typeof left !== "number" ? null : `, in ${inWords(left)}`]]);
  if (lasts) rows.push(["lasts", [lasts]]);
  return element(
    "div",
    {},
    element("dl", {}, rows.flatMap(([name, children]) => [element("dt", {}, name), element("dd", {}, children)])),
    element("details", {}, element("summary", {}, "Every other field"), valueNode(rest)),
  );
}

/** A list of sentences under a heading; null if there are none. @param {string} heading @param {string[]} texts @param {string} kind */
export function sentences(heading, texts, kind) {
  if (!texts || texts.length === 0) return null;
  return element("div", {}, element("h4", {}, heading), element("ul", { class: "plain" }, texts.map((text) => element("li", { class: kind }, marked(text)))));
}
