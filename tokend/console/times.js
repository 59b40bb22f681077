// @ts-check
// Times and durations in words.

import { element, inWords } from "./dom.js";

/** How far the server's clock is ahead of the browser's, in milliseconds. */
let ahead = 0;

/** Take over the server's time, to the second. @param {string | null} date the header `Date` of an answer that has just come */
export function setClock(date) {
  if (date !== null) ahead = Date.parse(date) - Date.now();
}

/** The server's time in Unix seconds: it decides what has ended, and the browser's clock may be wrong. */
export function serverNow() {
  return (Date.now() + ahead) / 1000;
}

const UNITS = { s: 1, m: 60, h: 3600, d: 86400 };

/**
 * A moment as an element that programs can read too: the time of today, or the date with it.
 * @param {number} time Unix seconds
 * @param {number} now Unix seconds
 */
export function moment(time, now) {
  const at = new Date(time * 1000);
  if (Number.isNaN(at.getTime())) return element("span", {}, String(time)); // no date, as one in microseconds: as it is
  const isToday = at.toDateString() === new Date(now * 1000).toDateString();
  const date = isToday ? "" : `${at.toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" })}, `;
  const written = date + at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return element("time", { datetime: at.toISOString() }, written);
}

/**
 * How long until an end, "in 59 min" or "2 days ago", and when that is.
 * @param {number} ends Unix seconds
 * @param {number} now Unix seconds
 */
export function remaining(ends, now) {
  const left = ends - now;
  const written = left > 0 ? `in ${inWords(left)}` : `${inWords(-left)} ago`;
  return element("span", {}, `${written} `, element("span", { class: "quiet" }, "(", moment(ends, now), ")"));
}

/**
 * The seconds of a duration as the configuration writes it: 90s, 30m, 2h or 1d. Null if it is none.
 * @param {string} written
 */
export function duration(written) {
  const found = /^([0-9]{1,9})([smhd])$/.exec(written);
  return found ? Number(found[1]) * UNITS[/** @type {keyof typeof UNITS} */ (found[2])] : null;
}
