// @ts-check
// The tab "Inspect": what a token says, whose it is, when it ends, and why a join with it fails.

import { alertOf, element, field, inWords, replace, timeOf } from "./dom.js";
import { CredentialForm } from "./form.js";
import { sentences } from "./issued.js";
import { valueNode } from "./values.js";
import { needsCredential } from "./schema.js";

/** Fill the tab. @param {HTMLElement} section @param {import("./api.js").Api} api */
export async function mount(section, api) {
  const description = await api.call("openapi.json", { method: "GET" });
  const common = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
  const text = /** @type {HTMLTextAreaElement} */ (element("textarea", { ...common, rows: 6, required: true }));
  const channel = /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text" }));
  const user = /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text" }));
  const product = /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text" }));
  const credential = new CredentialForm(needsCredential(description));
  const result = element("div", { class: "result" });

  async function inspect() {
    if (text.value.trim() === "") {
      text.setAttribute("aria-invalid", "true");
      replace(result, alertOf(new Error("Paste a token first.")));
      text.focus();
      return;
    }
    text.removeAttribute("aria-invalid");
    /** @type {Record<string, string>} */
    const body = { token: text.value };
    for (const [name, input] of Object.entries({ channel, user, product })) if (input.value !== "") body[name] = input.value;
    replace(result, element("p", { class: "quiet" }, "Waiting for the server…"));
    result.scrollIntoView({ block: "nearest" });
    try {
      replace(result, inspection(await api.call("v1/inspect", { body, credential: credential.read() })));
    } catch (error) {
      replace(result, alertOf(error));
      const { status, field: name } = /** @type {any} */ (error);
      if (status === 401) credential.focus();
      else if (name === "token") text.setAttribute("aria-invalid", "true");
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
        field("Token", text, "A token, the answer that has it, a URL, or a header such as “Bearer …”. It goes to this token server alone."),
        element("details", {}, element("summary", {}, "Would a join work?"), field("Channel", channel, "The channel or room of the client, exactly as it joins."), field("User", user, "The uid, account or user id of the client."), field("Product", product, "Such as rtc, rtm or chat.")),
        credential.node,
        element("div", { class: "actions" }, element("button", { type: "submit", class: "primary" }, "Inspect")),
      ),
      element("div", { class: "outcome", "aria-live": "polite" }, result),
    ),
  );
  replace(result, element("div", { class: "card quiet empty" }, element("p", {}, "What the token says appears here, with each problem and what to do. Nothing is issued, and nothing is kept.")));
}

/** @param {any} answer */
function inspection(answer) {
  const { problems, notes, ...says } = answer;
  const isSound = problems.length === 0;
  return element(
    "div",
    { class: "card" },
    element("h3", { class: isSound ? "good" : "bad" }, isSound ? "✓ No problem was found" : `✗ ${problems.length === 1 ? "A problem" : `${problems.length} problems`}`),
    sentences("What is wrong", problems, "problem"),
    sentences("Notes", notes, "note"),
    timeLine(says),
    element("h4", {}, "What it says"),
    valueNode(says),
  );
}

/** When it was issued, now, and when it ends. @param {any} says */
function timeLine(says) {
  const { issued_at: issuedAt, expires_at: expiresAt } = says;
  if (typeof issuedAt !== "number" || typeof expiresAt !== "number" || expiresAt <= issuedAt) return null;
  const now = Date.now() / 1000;
  const share = Math.min(1, Math.max(0, (now - issuedAt) / (expiresAt - issuedAt)));
  const where = now > expiresAt ? `ended ${inWords(now - expiresAt)} ago` : now < issuedAt ? `begins in ${inWords(issuedAt - now)}` : `ends in ${inWords(expiresAt - now)}`;
  return element(
    "div",
    { class: "life" },
    element("progress", { max: 1, value: share, "aria-label": "How much of the token's life has passed" }),
    element("p", { class: "ends" }, element("span", {}, "issued ", timeOf(issuedAt)), element("strong", {}, where), element("span", {}, "ends ", timeOf(expiresAt))),
  );
}
