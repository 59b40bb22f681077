// @ts-check
// Shows any value of an answer as nested rows of names and values, for people.

import { element, inWords, timeOf } from "./dom.js";

const TIMES = new Set(["issued_at", "expires_at", "renew_at", "not_before", "privileges_end_at"]);
const LENGTHS = new Set(["ttl", "seconds_left"]);
/** Objects whose values are seconds. */
const OF_LENGTHS = new Set(["privileges"]);

/** A value as text or rows. @param {any} value @param {string} [name] of the field that has it @returns {HTMLElement} */
export function valueNode(value, name = "") {
  if (value === null || value === undefined) return element("span", { class: "quiet" }, "none");
  if (Array.isArray(value)) {
    if (value.length === 0) return element("span", { class: "quiet" }, "none");
    if (value.every((item) => typeof item !== "object" || item === null)) return element("span", {}, value.flatMap((item, at) => [at ? ", " : "", element("code", {}, String(item))]));
    return element("ol", { class: "plain" }, value.map((item) => element("li", {}, valueNode(item))));
  }
  if (typeof value === "object") {
    const rows = Object.entries(value).map(([key, of]) => [element("dt", {}, labelOf(key)), element("dd", {}, valueNode(of, OF_LENGTHS.has(name) ? "ttl" : key))]);
    return element("dl", {}, rows.flat());
  }
  if (typeof value === "number" && TIMES.has(name)) return element("span", {}, timeOf(value), " ", element("code", {}, String(value)));
  if (typeof value === "number" && LENGTHS.has(name) && value > 0) return element("span", {}, inWords(value), " ", element("code", {}, `${value} s`));
  if (typeof value === "boolean") return element("span", {}, value ? "yes" : "no");
  return element("code", { class: "value" }, String(value));
}

/** A field's name in words. @param {string} name */
function labelOf(name) {
  return name.replaceAll("_", " ");
}
