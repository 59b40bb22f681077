// @ts-check
// The tab Configuration: what serves now, what is wrong with it, what ends soon, and what a reload would change.

import { alertOf, element } from "./dom.js";
import { table } from "./tables.js";
import { remaining, serverNow } from "./times.js";
import { tree } from "./tree.js";

/** @typedef {{change: "added" | "changed" | "removed" | "invalid", keys?: string[], problems?: string[]}} Change */
/** The answer of /-/diff. @typedef {{problems: string[], apps: Record<string, Change>, settings: string[]}} Difference */
/** @typedef {{app: string, caller: string, ends: number}} KeyEnd */
/**
 * The answer of /-/reload.
 * @typedef {{result: string, removed: string[], problems: string[], invalid_apps: Record<string, string[]>, serving_last_version: string[]}} Reloaded
 */

/** Seconds before its end from which a key is marked: 30 days. */
const SOON = 30 * 86400;
const RESULTS = /** @type {Record<string, string>} */ ({
  done: "The configuration was reloaded, and serves now.",
  unchanged: "Nothing has changed: the configuration serves as it is written.",
  refused: "The reload was rejected. The configuration from before still serves.",
});

/**
 * Fill the section.
 * @param {HTMLElement} section
 * @param {{admin: (path: string, options?: object) => Promise<any>}} api
 */
export function mount(section, api) {
  const again = element("button", { type: "button" }, "Read again");
  const reload = element("button", { type: "button", class: "primary" }, "Reload");
  const result = element("div", { role: "status", class: "notice" });
  const drift = part("What a reload would change", element("p", { class: "quiet" }, "Loading…"));
  const invalid = part("Apps that are invalid");
  const warnings = part("Warnings");
  const keys = part("What ends");
  const apps = part("Configuration in force");
  section.replaceChildren(
    element("div", { class: "operator" },
      element("div", { class: "heading" }, element("h2", {}, "Configuration"), again),
      drift.element,
      invalid.element,
      warnings.element,
      keys.element,
      apps.element),
  );
  drift.element.append(element("div", { class: "buttons" }, reload), result);

  async function read() {
    invalid.element.hidden = true; // until the answer names some: what was invalid before may be repaired
    warnings.show();
    await Promise.all([
      fill(drift, () => api.admin("/-/diff").catch(contentOf), driftOf),
      fill(apps, () => api.admin("/-/config"), inForce),
      fill(keys, () => api.admin("/-/warnings"), (found) => {
        warnings.show(...listOrNothing(found.warnings, "None."));
        return endsOf(found.keys);
      }),
    ]);
  }

  /** @param {any} configuration */
  function inForce(configuration) {
    invalid.element.hidden = !Object.keys(configuration.invalid_apps).length;
    invalid.show(...problemsOf(configuration.invalid_apps));
    return [
      element("p", { class: "quiet" }, "From ", element("code", {}, configuration.source), ", fingerprint ",
        element("code", { class: "id" }, configuration.fingerprint), ". Each app is merged with the defaults; an invalid one is shown in the version that is served, and left out if none is. No secret is shown."),
      treeButtons(apps.element),
      tree(configuration.apps),
    ];
  }

  reload.addEventListener("click", async () => {
    reload.toggleAttribute("disabled", true);
    result.replaceChildren();
    try {
      result.replaceChildren(...reloadedOf(await api.admin("/-/reload", { method: "POST" }).catch(contentOf)));
    } catch (error) {
      result.replaceChildren(alertOf(error));
    }
    await read();
    reload.toggleAttribute("disabled", false);
    reload.focus();
  });
  again.addEventListener("click", () => {
    result.replaceChildren();
    read();
  });
  section.addEventListener("shown", read);
  read();
}

/**
 * A card with a heading; `show` replaces what is below it.
 * @param {string} title
 * @param {...Node} content
 */
function part(title, ...content) {
  const id = `configuration-${title.toLowerCase().replace(/ /g, "-")}`;
  const body = element("div", { class: "body" }, ...content);
  return {
    element: element("section", { class: "card", "aria-labelledby": id }, element("h3", { id }, title), body),
    show: (/** @type {Node[]} */ ...shown) => body.replaceChildren(...shown),
  };
}

/**
 * Show what the server answers, or its sentence.
 * @param {{show: (...shown: Node[]) => void}} card
 * @param {() => Promise<any>} request
 * @param {(found: any) => Node[]} shown
 */
async function fill(card, request, shown) {
  try {
    card.show(...shown(await request()));
  } catch (error) {
    card.show(alertOf(error));
  }
}

/**
 * The body of an answer with the status 409 that has problems; every other error is thrown again.
 * @param {any} error
 */
function contentOf(error) {
  if (error.content?.problems) return error.content;
  throw error;
}

/** @param {Difference} difference */
function driftOf(difference) {
  if (difference.problems.length) {
    return [element("p", { class: "trouble" }, "It would be rejected:"), list(difference.problems)];
  }
  const changes = Object.entries(difference.apps).map(([name, app]) => {
    const detail = (app.problems ?? app.keys ?? []).map((line) => element("li", {}, app.problems ? line : element("code", {}, line)));
    const badge = element("span", { class: `badge is-${app.change}` }, app.change);
    return element("li", {}, element("strong", { class: "id" }, name), " ", badge, detail.length ? element("ul", {}, ...detail) : "");
  });
  const settings = difference.settings.map((key) => element("li", {}, element("code", {}, key), " outside the apps"));
  if (!changes.length && !settings.length) {
    return [element("p", { class: "quiet" }, "Nothing: what serves is what the files say.")];
  }
  return [element("ul", {}, ...changes, ...settings)];
}

/** @param {Reloaded} reloaded */
function reloadedOf(reloaded) {
  const parts = [element("p", { class: reloaded.problems.length ? "trouble" : "done" }, RESULTS[reloaded.result] ?? reloaded.result)];
  if (reloaded.problems.length) parts.push(list(reloaded.problems));
  if (reloaded.removed.length) parts.push(element("p", {}, `No longer served: ${reloaded.removed.join(", ")}.`));
  if (reloaded.serving_last_version.length) {
    parts.push(element("p", {}, `Invalid, and served as before: ${reloaded.serving_last_version.join(", ")}.`));
  }
  const unserved = Object.keys(reloaded.invalid_apps).filter((name) => !reloaded.serving_last_version.includes(name));
  if (unserved.length) parts.push(element("p", { class: "trouble" }, `Invalid, and not served: ${unserved.join(", ")}.`));
  return parts;
}

/** @param {Record<string, string[]>} apps */
function problemsOf(apps) {
  return Object.entries(apps).flatMap(([name, problems]) => [element("h4", { class: "id" }, name), list(problems)]);
}

/** @param {KeyEnd[]} keys */
function endsOf(keys) {
  const now = serverNow();
  if (!keys.length) return [element("p", { class: "quiet" }, "No key of a caller has an end.")];
  const sorted = [...keys].sort((key, other) => key.ends - other.ends);
  /** @type {import("./tables.js").Column<KeyEnd>[]} */
  const columns = [
    { title: "App", cell: (key) => key.app },
    { title: "Caller", cell: (key) => key.caller },
    { title: "Key ends", cell: (key) => remaining(key.ends, now) },
    { title: "State", cell: (key) => state(key.ends - now) },
  ];
  return [table("Keys of callers by their end", columns, sorted)];
}

/** @param {number} left */
function state(left) {
  if (left <= 0) return element("span", { class: "badge is-bad" }, "ended");
  return left < SOON ? element("span", { class: "badge is-warn" }, "soon") : "later";
}

/** @param {HTMLElement} card */
function treeButtons(card) {
  const buttons = [["Open all", true], ["Close all", false]].map(([label, isOpen]) => {
    const button = element("button", { type: "button", class: "small" }, String(label));
    button.addEventListener("click", () => {
      for (const details of card.querySelectorAll("details")) details.open = Boolean(isOpen);
    });
    return button;
  });
  return element("div", { class: "buttons" }, ...buttons);
}

/**
 * @param {string[]} sentences
 * @param {string} nothing
 */
function listOrNothing(sentences, nothing) {
  return sentences.length ? [list(sentences)] : [element("p", { class: "quiet" }, nothing)];
}

/** @param {string[]} sentences */
function list(sentences) {
  return element("ul", { class: "sentences" }, ...sentences.map((sentence) => element("li", {}, sentence)));
}
