// @ts-check
// The tab "Get a token": the form, the token that it gets, or what each rule of the caller requires.

import { CredentialForm } from "./credential.js";
import { alertOf, announce, element, replace } from "./dom.js";
import { explanation, requirements } from "./explanation.js";
import { FieldProblem, RequestForm } from "./form.js";
import { hasUrlKeys, kindsOf, needsCredential } from "./schema.js";
import { issued } from "./issued.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").Credential} Credential */

/** Fill the tab. @param {HTMLElement} section @param {Api} api */
export async function mount(section, api) {
  replace(section, element("p", { class: "quiet" }, "Loading the kinds of token…"));
  const description = await api.call("openapi.json", { method: "GET" });
  const form = new RequestForm(kindsOf(description));
  const isCredentialNeeded = needsCredential(description);
  const credential = new CredentialForm(isCredentialNeeded, hasUrlKeys(description));
  const result = element("div", { class: "result" });
  const url = api.publicUrl;

  /** @param {"v1/token" | "v1/explain"} path */
  async function send(path) {
    if (section.hasAttribute("aria-busy")) return; // a second click would get a second token
    form.clear();
    let body;
    try {
      body = form.read();
    } catch (error) {
      if (error instanceof FieldProblem) form.mark(error.field, error.message);
      replace(result, alertOf(error));
      return;
    }
    const given = credential.read();
    const kind = form.kind; // another may be chosen before the answer is there
    section.setAttribute("aria-busy", "true");
    replace(result, element("p", { class: "quiet" }, "Waiting for the server…"));
    result.scrollIntoView({ block: "nearest" });
    try {
      const answer = await api.call(path, { body, credential: given });
      replace(result, path === "v1/token" ? issued(answer, { api, kind, body, credential: given, url }) : await explanation(answer, api));
      announce(result.querySelector("h3")?.textContent ?? "");
    } catch (error) {
      await failed(error, path, body, given);
    } finally {
      section.removeAttribute("aria-busy");
    }
  }

  /** @param {any} error @param {string} path @param {unknown} body @param {Credential} given */
  async function failed(error, path, body, given) {
    form.mark(error.field, error.message);
    const rules = element("div", {});
    replace(result, element("div", { class: "stack" }, alertOf(error), rules));
    announce(""); // the alert is read out; what was announced before is no longer true
    if (error.status === 401) credential.focus();
    if (error.status !== 403 || path !== "v1/token") return;
    result.scrollIntoView({ block: "nearest" });
    try {
      replace(rules, await requirements(await api.call("v1/explain", { body, credential: given }), api));
      announce("Below the error: what each rule requires");
    } catch (problem) {
      replace(rules, alertOf(problem));
    }
  }

  /** Let the form set those kinds apart for which the caller has no rule. If the server does not say, it offers all alike. */
  async function offerPermitted() {
    const given = credential.read();
    const isKnown = !isCredentialNeeded || Object.keys(given).length > 0;
    /** @type {string[] | null} */
    let permitted = null;
    try {
      if (isKnown) permitted = (await api.call("v1/explain", { body: { kind: form.kind.name }, credential: given })).kinds;
    } catch {
      // the next request says what is wrong with the credential
    }
    if (JSON.stringify(given) === JSON.stringify(credential.read())) form.offer(permitted);
  }

  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void send("v1/token");
  };
  replace(
    section,
    element("h2", { class: "hidden" }, "Get a token"),
    element(
      "div",
      { class: "columns" },
      element(
        "form",
        { class: "card", onsubmit: submit, novalidate: true },
        form.node,
        credential.node,
        element("div", { class: "actions" }, element("button", { type: "submit", class: "primary" }, "Get a token"), element("button", { type: "button", onclick: () => void send("v1/explain") }, "Explain")),
      ),
      element("div", { class: "outcome" }, result),
    ),
  );
  replace(result, element("div", { class: "card quiet empty" }, element("p", {}, "The token appears here, with what it gives, how long it lasts, and the code that gets it."), element("p", {}, "“Explain” shows which rule allows the request, and why each other rule does not match. Nothing is issued.")));
  credential.node.addEventListener("change", () => void offerPermitted());
  section.addEventListener("shown", () => void offerPermitted()); // the credential may have been typed in another tab
  await offerPermitted();
  const about = document.getElementById("about");
  if (api.mode !== "admin" && about) replace(about, "App ", element("strong", {}, description.info.title.replace(/^tokend: /, "")));
}
