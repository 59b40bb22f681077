// @ts-check
// Tabs as the ARIA practices have them: arrow keys move, and the panel of the chosen tab is the only one shown.

import { element, replace } from "./dom.js";

/** @typedef {{id: string, label: string, open: (section: HTMLElement) => void}} OpenTab */

/** Removes the listener of the tabs that were there before. */
let listening = new AbortController();

/**
 * Make the tabs and their panels, instead of any that were there. A panel is filled when its tab is first chosen.
 * Later it is only hidden, so a form keeps what was typed; it gets the event "shown" each time it is chosen again.
 * The fragment of the URL names the tab: Back and Forward work.
 * @param {HTMLElement} bar @param {HTMLElement} main @param {OpenTab[]} tabs
 */
export function tablist(bar, main, tabs) {
  /** @type {Map<string, {button: HTMLElement, panel: HTMLElement, tab: OpenTab, isOpen: boolean}>} */
  const byId = new Map();
  for (const tab of tabs) {
    const button = element("button", { role: "tab", type: "button", id: `tab-${tab.id}`, "aria-controls": `panel-${tab.id}` }, tab.label);
    const panel = element("section", { role: "tabpanel", id: `panel-${tab.id}`, "aria-labelledby": `tab-${tab.id}` });
    button.addEventListener("click", () => go(tab.id));
    button.addEventListener("keydown", (event) => move(/** @type {KeyboardEvent} */ (event), tab.id));
    byId.set(tab.id, { button, panel, tab, isOpen: false });
  }
  const entries = [...byId.values()];
  replace(bar, element("div", { role: "tablist", "aria-label": "Console" }, entries.map((entry) => entry.button)));
  replace(main, entries.map((entry) => entry.panel));

  /** Show a tab, with an entry of its own in the browser's history. @param {string} id */
  function go(id) {
    if (location.hash !== `#${id}`) history.pushState(null, "", `#${id}`);
    show(id);
  }

  /** @param {string} id */
  function show(id) {
    for (const [other, entry] of byId) {
      const isChosen = other === id;
      entry.button.setAttribute("aria-selected", String(isChosen));
      entry.button.tabIndex = isChosen ? 0 : -1;
      entry.panel.hidden = !isChosen;
      if (!isChosen) continue;
      if (entry.isOpen) entry.panel.dispatchEvent(new Event("shown"));
      else entry.tab.open(entry.panel);
      entry.isOpen = true;
    }
  }

  /** The tab that the URL names, or else the first. */
  function named() {
    const id = location.hash.slice(1);
    return byId.has(id) ? id : tabs[0].id;
  }

  /** @param {KeyboardEvent} event @param {string} id */
  function move(event, id) {
    const ids = [...byId.keys()];
    const at = ids.indexOf(id);
    /** @type {Record<string, number>} */
    const targets = { ArrowRight: (at + 1) % ids.length, ArrowLeft: (at + ids.length - 1) % ids.length, Home: 0, End: ids.length - 1 };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    go(ids[target]);
    byId.get(ids[target])?.button.focus();
  }

  listening.abort();
  listening = new AbortController();
  const isOfTab = () => byId.has(location.hash.slice(1)); // the link that skips to the content has a fragment too
  window.addEventListener("popstate", () => isOfTab() && show(named()), { signal: listening.signal });
  show(named());
  history.replaceState(null, "", `#${named()}`);
}
