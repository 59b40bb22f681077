// @ts-check
// The tab "Inspect": what a token says, whose it is, when it ends, and why a join with it fails.

import { contentNode, sentences } from "./content.js";
import { CredentialForm } from "./credential.js";
import { alertOf, announce, element, field, inWords, mark, replace, timeOf, unmark } from "./dom.js";
import { hasUrlKeys, needsCredential } from "./schema.js";
import { serverNow } from "./times.js";

/** Fill the tab. @param {HTMLElement} section @param {import("./api.js").Api} api */
export async function mount(section, api) {
  replace(section, element("p", { class: "quiet" }, "Loading…"));
  const description = await api.call("openapi.json", { method: "GET" });
  const common = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
  const text = /** @type {HTMLTextAreaElement} */ (element("textarea", { ...common, rows: 6, required: true }));
  const channel = /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text" }));
  const user = /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text" }));
  const product = /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text" }));
  const credential = new CredentialForm(needsCredential(description), hasUrlKeys(description));
  const result = element("div", { class: "result" });
  const labelled = field("Token", text, "A token, the answer that has it, a URL, or a header such as `Bearer …`. It goes to this token server alone.");

  async function inspect() {
    unmark(text);
    if (text.value.trim() === "") {
      mark(text, "Paste a token first.");
      return;
    }
    /** @type {Record<string, string>} */
    const body = { token: text.value };
    for (const [name, input] of Object.entries({ channel, user, product })) if (input.value !== "") body[name] = input.value;
    replace(result, element("p", { class: "quiet" }, "Waiting for the server…"));
    result.scrollIntoView({ block: "nearest" });
    try {
      const answer = await api.call("v1/inspect", { body, credential: credential.read() });
      replace(result, inspection(answer));
      announce(verdictOf(answer.problems));
    } catch (error) {
      const { status, field: name, message } = /** @type {any} */ (error);
      replace(result, alertOf(error));
      if (status === 401) credential.focus();
      else if (name === "token" || status === 413) mark(text, message); // the token is most of the body
    }
  }

  replace(
    section,
    element("h2", { class: "hidden" }, "Inspect a token"),
    element(
      "div",
      { class: "columns" },
      element(
        "form",
        { class: "card", novalidate: true, onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          void inspect();
        } },
        labelled,
        element("details", {}, element("summary", {}, "Would a join work?"), field("Channel", channel, "The channel or room of the client, exactly as it joins."), field("User", user, "The uid, account or user id of the client."), field("Product", product, "Such as rtc, rtm or chat.")),
        credential.node,
        element("div", { class: "actions" }, element("button", { type: "submit", class: "primary" }, "Inspect")),
      ),
      element("div", { class: "outcome" }, result),
    ),
  );
  replace(result, element("div", { class: "card quiet empty" }, element("p", {}, "What the token says appears here, with each problem and what to do. Nothing is issued, and nothing is kept.")));
}

/** @param {any} answer */
function inspection(answer) {
  const { problems, notes, ...says } = answer;
  return element(
    "div",
    { class: "card" },
    element("h3", { class: problems.length === 0 ? "good" : "bad" }, verdictOf(problems)),
    sentences("What is wrong", problems, "problem"),
    timeLine(says),
    element("h4", {}, "What it says"),
    contentNode(says),
    sentences("Notes", notes, "note"),
  );
}

/** @param {string[]} problems */
function verdictOf(problems) {
  if (problems.length === 0) return "✓ No problem was found";
  return problems.length === 1 ? "✗ A problem" : `✗ ${problems.length} problems`;
}

/** When it was issued, now, and when it ends. @param {any} says */
function timeLine(says) {
  const { issued_at: issuedAt, expires_at: expiresAt } = says;
  if (typeof issuedAt !== "number" || typeof expiresAt !== "number" || expiresAt <= issuedAt) return null;
  const now = serverNow();
  const share = Math.min(1, Math.max(0, (now - issuedAt) / (expiresAt - issuedAt)));
  const where = now > expiresAt ? `ended ${inWords(now - expiresAt)} ago` : now < issuedAt ? `begins in ${inWords(issuedAt - now)}` : `ends in ${inWords(expiresAt - now)}`;
  return element(
    "div",
    { class: "life" },
    element("progress", { max: 1, value: share, "aria-label": "How much of the token's life has passed" }),
    element("p", { class: "ends" }, element("span", {}, "issued ", timeOf(issuedAt)), element("strong", {}, where), element("span", {}, "ends ", timeOf(expiresAt))),
  );
}
