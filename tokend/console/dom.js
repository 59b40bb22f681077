// @ts-check
// Small helpers that make elements. Text is only ever set as text: nothing that a server or a user wrote becomes markup.

/** @typedef {Node | string | number | null | undefined} Child */

/**
 * An element with attributes, listeners and children. An attribute that is false or null is left out; `on…` adds a listener.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  append(made, ...children);
  return made;
}

/**
 * Append children; null is none.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function append(parent, ...children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Put these children in place of all others.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren();
  append(parent, ...children);
}

let last = 0;

/** An id that no other element has. @param {string} stem @returns {string} */
export function freshId(stem) {
  last += 1;
  return `${stem}-${last}`;
}

/**
 * A labelled row of a form: the label, the control, and help below it.
 * @param {string} label @param {HTMLElement} control @param {string} [help]
 */
export function field(label, control, help) {
  const id = control.id || freshId("field");
  control.id = id;
  const parts = [element("label", { for: id }, label), control];
  if (help) {
    parts.push(element("p", { class: "help", id: `${id}-help` }, marked(help)));
    control.setAttribute("aria-describedby", `${id}-help`);
  }
  return element("div", { class: "field" }, parts);
}

/** Mark a control as wrong, with the sentence below it, and go to it. @param {HTMLElement} control @param {string} sentence */
export function mark(control, sentence) {
  unmark(control);
  const id = `${control.id}-error`;
  const described = control.getAttribute("aria-describedby") ?? "";
  control.after(element("p", { class: "problem", id }, sentence));
  control.setAttribute("aria-invalid", "true");
  if (!described.startsWith(id)) control.setAttribute("aria-describedby", `${id} ${described}`.trim());
  control.focus();
}

/** Take the mark of a control away. @param {HTMLElement} control */
export function unmark(control) {
  document.getElementById(`${control.id}-error`)?.remove();
  control.removeAttribute("aria-invalid");
}

/** A sentence whose parts between backticks are shown as code. @param {string} text @returns {Child[]} */
export function marked(text) {
  return text.split("`").map((part, at, parts) => (at % 2 && at < parts.length - 1 ? element("code", {}, part) : at % 2 ? `\`${part}` : part));
}

/** Say something to screen readers. @param {string} text */
export function announce(text) {
  const place = document.getElementById("announcement");
  if (place) place.textContent = text;
}

/**
 * What went wrong, as an alert: the server's own sentence, and when to try again.
 * @param {unknown} error
 */
export function alertOf(error) {
  const failure = /** @type {any} */ (error);
  const parts = [element("strong", {}, failure.message || "Something went wrong.")];
  if (failure.code) parts.push(element("p", {}, `Error code: ${failure.code}`));
  if (failure.retryAfter) parts.push(element("p", {}, `Try again in ${failure.retryAfter} s.`));
  if (failure.requestId) parts.push(element("p", {}, `Request id: ${failure.requestId}`));
  return element("div", { class: "alert", role: "alert" }, parts);
}

/** Seconds in words: "59 min", "2 h 5 min", "45 s". @param {number} seconds @returns {string} */
export function inWords(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 && whole < 600 ? ` ${whole % 60} s` : ""}`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h${Math.floor((whole % 3600) / 60) ? ` ${Math.floor((whole % 3600) / 60)} min` : ""}`;
  return `${Math.floor(whole / 86400)} days`;
}

/** A time of the browser's own clock and zone. @param {number} unix @returns {HTMLElement} */
export function timeOf(unix) {
  const date = new Date(unix * 1000);
  return element("time", { datetime: date.toISOString() }, date.toLocaleString());
}
