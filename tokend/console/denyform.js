// @ts-check
// The form that adds an entry to the deny list: the fields of `tokend deny add`.

import { alertOf, element, field, inWords } from "./dom.js";
import { duration, moment, serverNow } from "./times.js";

/**
 * The fields of a line of the deny list. `issued_before`: Unix seconds.
 * @typedef {{app?: string, user?: string, sub?: string, channel?: string, caller?: string, url?: string, issued_before?: number}} Entry
 */
/** `sentence`: what is wrong. @typedef {{field: string, sentence: string}} Mistake */

/** @type {{name: string, label: string, help: string, attributes?: Record<string, string>}[]} */
const FIELDS = [
  { name: "app", label: "App", help: "Empty: all apps.", attributes: { list: "deny-apps" } },
  { name: "user", label: "User", help: "As tokens name it: uid or account." },
  { name: "sub", label: "Sub", help: "A person: the claim sub of a JWT, or a proxy's user." },
  { name: "channel", label: "Channel", help: "Its whole name." },
  { name: "caller", label: "Caller", help: "Its name in the configuration." },
  { name: "url", label: "Signed URL", help: "Its id." },
  {
    name: "issued_before",
    label: "Issued before",
    help: "Only sessions and signed URLs older than this.",
    attributes: { type: "datetime-local", step: "1" },
  },
  { name: "for", label: "For", help: "Such as 90s, 30m, 2h or 1d. Empty: for ever." },
  { name: "reason", label: "Reason", help: "For the audit. At most 200 characters.", attributes: { maxlength: "200" } },
];
const SELECTORS = ["user", "sub", "channel", "caller", "url", "issued_before"];
const NONE = "Name what to deny: a user, a sub, a channel, a caller, a signed URL or a time.";

/** An entry as people read it: "user ann, app demo". @param {Entry} entry */
export function entryInWords(entry) {
  const parts = Object.entries(entry)
    .filter(([name]) => name !== "app")
    .map(([name, value]) => {
      const field = FIELDS.find((known) => known.name === name);
      const written = name === "issued_before" ? moment(Number(value), serverNow()).textContent : String(value);
      return `${(field?.label ?? name).toLowerCase().replace("url", "URL")} ${written}`;
    });
  return [...parts, entry.app === undefined ? "all apps" : `app ${entry.app}`].join(", ");
}

/**
 * The form. `show` takes the sources that can be written; without one the form is hidden.
 * @param {{admin: (path: string, options?: object) => Promise<any>}} api
 * @param {(sentence: string) => Promise<void>} added called once an entry was added
 * @returns {{element: HTMLElement, show: (sources: string[]) => void}}
 */
export function createDenyForm(api, added) {
  const inputs = new Map(FIELDS.map(({ name, attributes }) => [name, input(name, attributes ?? {})]));
  const apps = element("datalist", { id: "deny-apps" });
  const source = /** @type {HTMLSelectElement} */ (element("select", { id: "deny-source" }));
  const sourceLine = field("Source", source);
  const trouble = element("div", { id: "deny-trouble" });
  const button = element("button", { type: "submit", class: "primary" }, "Deny");
  const form = element(
    "form",
    { class: "card", "aria-labelledby": "deny-form-title", novalidate: "" },
    element("h3", { id: "deny-form-title" }, "Add an entry"),
    element("p", { class: "quiet" }, "All fields that you fill in must fit. An entry with the same fields gets the new end."),
    element("div", { class: "fields" }, sourceLine, ...FIELDS.map(({ name, label, help }) => field(label, /** @type {HTMLInputElement} */ (inputs.get(name)), help))),
    apps,
    trouble,
    button,
  );

  /** @param {string} name */
  const valueOf = (name) => inputs.get(name)?.value.trim() ?? "";

  /**
   * Show what is wrong, at the field that it concerns.
   * @param {unknown} error
   * @param {string | null} [wrong] the name of the field; one that the form does not have marks nothing
   */
  function report(error, wrong) {
    trouble.replaceChildren(...(error ? [alertOf(error)] : []));
    for (const [name, box] of inputs) {
      const isWrong = name === wrong;
      if (isWrong) box.setAttribute("aria-invalid", "true");
      else box.removeAttribute("aria-invalid");
      box.setAttribute("aria-describedby", isWrong ? `deny-trouble ${box.id}-help` : `${box.id}-help`);
      if (isWrong) box.focus();
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const entry = entryOf(valueOf);
    const seconds = valueOf("for") ? duration(valueOf("for")) : null;
    const mistake = mistakeIn(valueOf);
    report(mistake && new Error(mistake.sentence), mistake?.field);
    if (mistake) return;
    button.toggleAttribute("disabled", true);
    try {
      await api.admin("/-/deny", { method: "POST", body: { source: source.value, entry, for: seconds, reason: valueOf("reason") || null } });
      for (const box of inputs.values()) box.value = "";
      const long = seconds === null ? "for ever" : `for ${inWords(seconds)}`;
      await added(`Denied: ${entryInWords(entry)}, ${long}. Running servers apply it within a second.`);
    } catch (error) {
      report(error, /** @type {any} */ (error).field);
    } finally {
      button.toggleAttribute("disabled", false);
    }
  });

  api.admin("/-/apps").then(
    (found) => apps.replaceChildren(...found.apps.map((/** @type {{name: string}} */ app) => element("option", { value: app.name }))),
    () => undefined, // the field is usable without suggestions
  );
  return {
    element: form,
    show(sources) {
      const chosen = source.value;
      source.replaceChildren(...sources.map((name) => element("option", { value: name }, name === "redis" ? "Redis" : "File")));
      if (sources.includes(chosen)) source.value = chosen;
      sourceLine.hidden = sources.length < 2;
      form.hidden = !sources.length;
    },
  };
}

/**
 * @param {(name: string) => string} valueOf
 * @returns {Entry}
 */
function entryOf(valueOf) {
  const texts = ["app", "user", "sub", "channel", "caller", "url"].filter(valueOf).map((name) => [name, valueOf(name)]);
  const before = valueOf("issued_before");
  if (before) texts.push(["issued_before", /** @type {any} */ (Math.floor(new Date(before).getTime() / 1000))]);
  return Object.fromEntries(texts);
}

/**
 * What is wrong before the server sees it.
 * @param {(name: string) => string} valueOf
 * @returns {Mistake | null}
 */
function mistakeIn(valueOf) {
  if (!SELECTORS.some(valueOf)) return { field: "user", sentence: NONE };
  if (valueOf("for") && !duration(valueOf("for"))) {
    return { field: "for", sentence: "For must be a number with its unit: 90s, 30m, 2h or 1d." };
  }
  return null;
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 */
function input(name, attributes) {
  const fixed = { type: "text", id: `deny-${name}`, autocomplete: "off", spellcheck: "false" };
  return /** @type {HTMLInputElement} */ (element("input", { ...fixed, ...attributes }));
}
