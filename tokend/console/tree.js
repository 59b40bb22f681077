// @ts-check
// A configuration as a tree that opens and closes. What is not shown, and where the server has it from, is marked.

import { element } from "./dom.js";

/** What a reference to a value that is not shown reads like. @type {Record<string, string>} */
const REFERENCES = { env: "environment variable", file: "file", credential: "credential" };

/**
 * The tree of a mapping or a list. `isOpen`: whether its first level is.
 * @param {unknown} value
 * @param {boolean} [isOpen]
 * @returns {HTMLElement}
 */
export function tree(value, isOpen = false) {
  const entries = Array.isArray(value) ? value.map((item, index) => [String(index + 1), item]) : Object.entries(Object(value));
  return element("ul", { class: "tree" }, ...entries.map(([name, below]) => element("li", {}, branch(name, below, isOpen))));
}

/**
 * @param {string} name
 * @param {unknown} value
 * @param {boolean} isOpen
 */
function branch(name, value, isOpen) {
  const key = element("span", { class: "tree-key" }, name);
  const leaf = leafOf(value);
  if (leaf) return element("div", { class: "tree-leaf" }, key, " ", leaf);
  const size = Object.keys(Object(value)).length;
  const count = element("span", { class: "quiet" }, Array.isArray(value) ? `list of ${size}` : `${size} ${size === 1 ? "key" : "keys"}`);
  const details = element("details", {}, element("summary", {}, key, " ", count), tree(value));
  details.toggleAttribute("open", isOpen);
  return details;
}

/**
 * The element of a value without parts of its own, or null.
 * @param {unknown} value
 * @returns {HTMLElement | null}
 */
function leafOf(value) {
  if (value === null) return element("span", { class: "quiet" }, "nothing");
  if (typeof value === "string" && /^sha256:…$/.test(value)) return hidden("digest of a key");
  if (typeof value !== "object") return element("code", {}, String(value));
  const names = Object.keys(value);
  if (names.length === 1 && names[0] in REFERENCES) {
    return hidden(`${REFERENCES[names[0]]} ${Object.values(value)[0]}`);
  }
  if (!names.length) return element("span", { class: "quiet" }, "empty");
  const isFlat = Array.isArray(value) && value.every((item) => item === null || typeof item !== "object");
  return isFlat ? element("span", {}, ...value.flatMap((item, index) => [index ? ", " : "", leafOf(item) ?? ""])) : null;
}

/** @param {string} what */
function hidden(what) {
  return element("span", { class: "redacted" }, element("span", { class: "badge" }, "not shown"), ` ${what}`);
}
