// @ts-check
// A token that was issued: the token, its life, what it says, the code that gets it, and the vendor's test client.

import { contentNode, sentences } from "./content.js";
import { alertOf, announce, element, inWords, replace } from "./dom.js";
import { snippetsOf } from "./snippets.js";
import { valueNode } from "./values.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {{api: Api, kind: import("./schema.js").Kind, body: Record<string, any>, credential: import("./api.js").Credential, url: string}} Context */

/** The answer as cards. @param {any} answer @param {Context} context */
export function issued(answer, { api, kind, body, credential, url }) {
  const { token, ...rest } = answer;
  const decoded = element("div", {}, element("p", { class: "quiet" }, "Reading the token…"));
  void decode(decoded, api, token, credential);
  return element(
    "div",
    { class: "stack" },
    element(
      "div",
      { class: "card" },
      element("h3", { class: "good" }, `✓ A token of the kind ${answer.kind ?? kind.name}`),
      element("textarea", { class: "token", readonly: true, rows: 4, "aria-label": "The token", onfocus: (/** @type {Event} */ event) => /** @type {HTMLTextAreaElement} */ (event.target).select(), spellcheck: "false" }, token),
      element("div", { class: "actions" }, copyButton("Copy the token", token), kind.testClient ? joinButton(kind.testClient, token) : null),
      lifeOf(answer),
      element("details", {}, element("summary", {}, "All fields of the answer"), valueNode(rest)),
    ),
    element("div", { class: "card" }, element("h3", {}, "What it says"), decoded),
    element(
      "div",
      { class: "card" },
      element("h3", {}, "The same request as code"),
      snippetsOf(url, body, credential).map(([name, code], at) => element("details", { open: at === 0 }, element("summary", {}, name), element("pre", { tabindex: 0 }, element("code", {}, code)), copyButton(`Copy: ${name}`, code))),
    ),
  );
}

/** @param {HTMLElement} place @param {Api} api @param {string} token @param {import("./api.js").Credential} credential */
async function decode(place, api, token, credential) {
  try {
    const { problems, notes, ...says } = await api.call("v1/inspect", { body: { token }, credential });
    replace(place, sentences("What is wrong", problems, "problem"), contentNode(says), sentences("Notes", notes, "note"));
  } catch (error) {
    replace(place, alertOf(error));
  }
}

/** The token's life as a bar that runs down. @param {any} answer */
function lifeOf(answer) {
  if (typeof answer.expires_at !== "number" || typeof answer.issued_at !== "number") return element("p", { class: "quiet" }, "This token has no times: it lasts as long as the connection that it is for.");
  const life = answer.expires_at - answer.issued_at;
  const arrived = performance.now(); // not the wall clock, which may be wrong
  const bar = element("progress", { max: life, value: life, "aria-label": "What is left of the token's life" });
  const text = element("span", {});
  const node = element("div", { class: "life" }, bar, text);
  const show = () => {
    const left = Math.max(0, life - (performance.now() - arrived) / 1000);
    bar.setAttribute("value", String(left));
    text.textContent = left > 0 ? `ends in ${inWords(left)}${answer.renew_at ? `, to be renewed in ${inWords(Math.max(0, answer.renew_at - answer.expires_at + left))}` : ""}` : "has ended";
    if (!node.isConnected || left === 0) clearInterval(timer);
  };
  const timer = setInterval(show, 1000);
  queueMicrotask(show);
  return node;
}

/** A button that copies a text, and says so. @param {string} label @param {string} text */
function copyButton(label, text) {
  const button = element("button", { type: "button" }, label);
  button.addEventListener("click", () => void copied(button, label, text));
  return button;
}

/** @param {HTMLElement} button @param {string} label @param {string} text */
async function copied(button, label, text) {
  const isDone = await copy(text);
  button.textContent = isDone ? "Copied" : "Cannot copy here: select the text";
  announce(isDone ? "Copied" : "This page may not copy");
  setTimeout(() => {
    button.textContent = label;
  }, 2000);
}

/** Copy a text; false if the browser does not allow it, as on plain http. @param {string} text @returns {Promise<boolean>} */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A link to the vendor's own page, and what to do there. The token goes to the clipboard, never into a URL. @param {string} address @param {string} token */
function joinButton(address, token) {
  const link = element("a", { class: "button", href: address, target: "_blank", rel: "noopener noreferrer" }, "Join with the vendor's test page");
  const next = element("p", { class: "quiet" });
  link.addEventListener("click", async () => {
    next.textContent = (await copy(token)) ? "The token is copied: paste it there." : "Copy the token, and paste it there.";
    announce(next.textContent);
  });
  return [link, next];
}
