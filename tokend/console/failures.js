// @ts-check
// The requests that failed last, with their reasons.

import { element } from "./dom.js";
import { table } from "./tables.js";
import { moment, serverNow } from "./times.js";

/**
 * @typedef {{time: number, app: string | null, route: string | null, kind: string | null, code: string, status: number,
 *   request_id: string, caller: string | null, detail: string | null}} Failure
 */
/** The answer of /-/failures. @typedef {{details: boolean, failures: Failure[]}} Failures */

/** @type {import("./tables.js").Column<Failure>[]} */
const COLUMNS = [
  { title: "Time", cell: (failure) => moment(failure.time, serverNow()), class: "unbroken" },
  { title: "Status", cell: (failure) => String(failure.status) },
  { title: "Code", cell: (failure) => element("code", {}, failure.code) },
  { title: "App", cell: (failure) => failure.app },
  { title: "Kind", cell: (failure) => failure.kind },
  { title: "Caller", cell: (failure) => failure.caller },
  { title: "Route", cell: (failure) => failure.route && element("code", {}, failure.route) },
  { title: "Request id", cell: (failure) => element("code", {}, failure.request_id), class: "unbroken" },
];
/** @type {import("./tables.js").Column<Failure>} */
const DETAIL = { title: "Detail", cell: (failure) => failure.detail, class: "detail" };

/**
 * The part of the page that lists the failures; `show` replaces them.
 * @returns {{element: HTMLElement, show: (found: Failures) => void}}
 */
export function createFailures() {
  const content = element("div", {});
  const note = element("p", { class: "quiet" });
  let written = "";
  return {
    element: element(
      "section",
      { class: "card", "aria-labelledby": "failures-title" },
      element("h3", { id: "failures-title" }, "Requests that failed last"),
      note,
      content,
    ),
    show(found) {
      if (written === JSON.stringify(found)) return; // so that a selection of text survives
      written = JSON.stringify(found);
      note.replaceChildren(...(found.details ? ["The sentences may hold ids of users and channels."] : switchedOff()));
      const columns = found.details ? [...COLUMNS, DETAIL] : COLUMNS;
      content.replaceChildren(
        found.failures.length
          ? table("The requests that failed last, the newest first", columns, found.failures)
          : element("p", { class: "quiet" }, "No request has failed since the server started."),
      );
    },
  };
}

function switchedOff() {
  const setting = element("code", {}, "server: {admin: {details: true}}");
  return ["The sentences of the errors are not kept, since they may hold ids. ", setting, " in the configuration keeps them."];
}
