// @ts-check
// The caller's credential, which is in this page's memory alone.

import { element, field as row } from "./dom.js";

/** @typedef {import("./api.js").Credential} Credential */

/** The forms of this page. What is typed into one that is shown stands in the others too. @type {Set<CredentialForm>} */
const forms = new Set();

/** The caller's credential: none, an API key or a JWT. It is kept in the forms of this page alone. */
export class CredentialForm {
  /** @param {boolean} isNeeded @param {boolean} hasUrlKeys whether the app has callers whose key stands in the URL */
  constructor(isNeeded, hasUrlKeys) {
    this.#scheme = /** @type {HTMLSelectElement} */ (element("select", {}, [["", "none"], ["apiKey", "an API key"], ["bearer", "a JWT, as Authorization: Bearer"], ...(hasUrlKeys ? [["urlKey", "a key in the URL"]] : [])].map(([value, label]) => element("option", { value, selected: isNeeded && value === "apiKey" }, label))));
    this.#secret = /** @type {HTMLInputElement} */ (element("input", { type: "password", autocomplete: "off", spellcheck: "false" }));
    const secret = row("Key or JWT", this.#secret, "It stays in this tab, and is forgotten when you close or reload it.");
    const show = () => {
      secret.hidden = this.#scheme.value === "";
    };
    this.#show = show;
    this.#scheme.addEventListener("change", show);
    this.node = element("fieldset", {}, element("legend", {}, "Caller"), row("Credential", this.#scheme), secret);
    this.node.addEventListener("input", () => this.#share());
    for (const form of forms) {
      if (form.node.isConnected) form.#share([this]);
      else forms.delete(form); // of an app that is no longer shown
    }
    forms.add(this);
    show();
  }

  /** @type {HTMLSelectElement} */
  #scheme;
  /** @type {HTMLInputElement} */
  #secret;

  /** @type {() => void} */
  #show;

  /** @param {Iterable<CredentialForm>} others */
  #share(others = forms) {
    for (const other of others) {
      other.#scheme.value = this.#scheme.value;
      other.#secret.value = this.#secret.value;
      other.#show();
    }
  }

  /** What is sent with a request: nothing where no key or JWT is typed. @returns {Credential} */
  read() {
    const secret = this.#secret.value.trim();
    return this.#scheme.value === "" || secret === "" ? {} : { [this.#scheme.value]: secret };
  }

  /** Go to the credential: it is missing or wrong. */
  focus() {
    (this.#scheme.value === "" ? this.#scheme : this.#secret).focus();
  }
}
