// @ts-check
// The form of a token request: a kind and its fields.

import { element, field as row, freshId, mark, marked, replace, unmark } from "./dom.js";

/** @typedef {import("./schema.js").Kind} Kind */
/** @typedef {import("./schema.js").Field} Field */

/** A field whose value cannot be sent. */
export class FieldProblem extends Error {
  /** @param {string} field @param {string} message */
  constructor(field, message) {
    super(message);
    this.name = "FieldProblem";
    this.field = field;
  }
}

/** A form for these kinds; `node` is what the page shows. */
export class RequestForm {
  /** @type {Map<string, {field: Field, control: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement}>} */
  #controls = new Map();
  /** What was typed for other kinds, by type and name of a field: the same channel and user serve for the next kind. @type {Map<string, string>} */
  #typed = new Map();
  #fields = element("div", {});

  /** @param {Kind[]} kinds */
  constructor(kinds) {
    this.kinds = kinds;
    this.#kind = /** @type {HTMLSelectElement} */ (element("select", { name: "kind" }));
    this.#kind.addEventListener("change", () => this.#showFields());
    const choice = row("Kind of token", this.#kind);
    choice.append(this.#note);
    this.#kind.setAttribute("aria-describedby", this.#note.id);
    this.node = element("div", {}, choice, this.#fields);
    for (const type of ["focusin", "change"]) this.node.addEventListener(type, () => (this.#isVisited = true));
    this.offer(null);
  }

  /** Whether the user has been in this form: from then on nobody else changes the kind. */
  #isVisited = false;
  /** The kinds for which the caller has a rule; null if that is not known. @type {string[] | null} */
  #permitted = null;
  #note = element("p", { class: "note", id: freshId("note"), hidden: true }, "No rule of this caller permits this kind of token.");

  /** @type {HTMLSelectElement} */
  #kind;

  /** The chosen kind. @returns {Kind} */
  get kind() {
    return /** @type {Kind} */ (this.kinds.find((kind) => kind.name === this.#kind.value));
  }

  /** Set those kinds apart that are not permitted, and begin with one that is. @param {string[] | null} permitted null: all are offered alike */
  offer(permitted) {
    this.#permitted = permitted;
    const chosen = this.#kind.value;
    const optionsOf = (/** @type {Kind[]} */ kinds) => kinds.map((kind) => element("option", { value: kind.name }, kind.name));
    const usable = this.kinds.filter((kind) => this.#isPermitted(kind));
    const others = this.kinds.filter((kind) => !usable.includes(kind));
    const group = (/** @type {string} */ label, /** @type {Kind[]} */ kinds) => (kinds.length ? element("optgroup", { label }, optionsOf(kinds)) : null);
    replace(this.#kind, others.length ? [group("Permitted by a rule of this caller", usable), group("Permitted by no rule of this caller", others)] : optionsOf(usable));
    const isKept = chosen !== "" && (this.#isVisited || !usable.length || usable.some((kind) => kind.name === chosen));
    this.#kind.value = isKept ? chosen : (usable[0] ?? others[0]).name;
    if (isKept) this.#note.hidden = this.#isPermitted(this.kind);
    else this.#showFields();
  }

  /** @param {Kind} kind */
  #isPermitted(kind) {
    return this.#permitted === null || this.#permitted.includes(kind.name);
  }

  /** The body of the request. Throws `FieldProblem`. @returns {Record<string, unknown>} */
  read() {
    /** @type {Record<string, unknown>} */
    const body = { kind: this.kind.name };
    for (const [name, { field, control }] of this.#controls) {
      const value = valueOf(field, control);
      if (value !== undefined) body[name] = value;
    }
    return body;
  }

  /** Mark the field that an error names, and go to it. @param {string | undefined} name @param {string} sentence */
  mark(name, sentence) {
    const found = name === undefined ? undefined : this.#controls.get(name.split(/[.[]/)[0]);
    if (!found) return;
    found.control.closest("details")?.setAttribute("open", "");
    mark(found.control, sentence);
  }

  /** Take all marks away. */
  clear() {
    for (const { control } of this.#controls.values()) unmark(control);
  }

  #showFields() {
    for (const { field, control } of this.#controls.values()) this.#keep(field, control);
    this.#controls.clear();
    this.#note.hidden = this.#isPermitted(this.kind);
    const shown = this.kind.fields.filter((field) => field.shown);
    const more = this.kind.fields.filter((field) => !field.shown);
    replace(
      this.#fields,
      this.kind.help ? element("p", { class: "quiet" }, marked(this.kind.help)) : null,
      shown.map((field) => this.#row(field)),
      more.length ? element("details", {}, element("summary", {}, `${more.length} more ${more.length === 1 ? "field" : "fields"}`), more.map((field) => this.#row(field))) : null,
    );
  }

  /** @param {Field} field @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} control */
  #keep(field, control) {
    if (!(control instanceof HTMLSelectElement) && control.value !== control.defaultValue) this.#typed.set(`${field.control} ${field.name}`, control.value);
  }

  /** @param {Field} field */
  #row(field) {
    const control = controlFor(field);
    control.name = field.name;
    control.value = this.#typed.get(`${field.control} ${field.name}`) ?? control.value;
    this.#controls.set(field.name, { field, control });
    return row(field.required ? `${field.name} (required)` : field.name, control, field.help);
  }
}

/** @param {Field} field @returns {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */
function controlFor(field) {
  const common = { autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-required": field.required ? "true" : null };
  const example = field.example;
  switch (field.control) {
    case "choice":
    case "switch": {
      const choices = field.control === "switch" ? ["true", "false"] : field.choices;
      const options = field.required ? [] : [element("option", { value: "" }, "(left out)")];
      options.push(...choices.map((choice) => element("option", { value: choice, selected: String(example) === choice }, choice)));
      return /** @type {HTMLSelectElement} */ (element("select", common, options));
    }
    case "number":
      return /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text", inputmode: "numeric", value: example ?? "" }));
    case "text":
      return /** @type {HTMLInputElement} */ (element("input", { ...common, type: "text", value: example ?? "" }));
    case "list":
      return textarea(common, Array.isArray(example) ? example.join("\n") : "", "one a line");
    default:
      return textarea(common, example === undefined ? "" : JSON.stringify(example, null, 1), "JSON");
  }
}

/** @param {Record<string, unknown>} common @param {string} text @param {string} placeholder */
function textarea(common, text, placeholder) {
  return /** @type {HTMLTextAreaElement} */ (element("textarea", { ...common, rows: Math.min(8, text.split("\n").length + 1), placeholder }, text));
}

/** @param {Field} field @param {{value: string}} control @returns {unknown} */
function valueOf(field, control) {
  const text = control.value;
  if (text === "" && !(field.required && field.control === "text")) return undefined;
  switch (field.control) {
    case "switch":
      return text === "true";
    case "number":
      return /^-?\d+$/.test(text.trim()) && Number.isSafeInteger(Number(text)) ? Number(text) : text; // the server says what is wrong
    case "list":
      return text.split("\n").filter((line) => line !== "");
    case "json":
      try {
        return JSON.parse(text);
      } catch {
        throw new FieldProblem(field.name, `${field.name} must be JSON, such as {"name": "value"} or [1, 2].`);
      }
    default:
      return text;
  }
}
