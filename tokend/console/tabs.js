// @ts-check
// Tabs as the ARIA practices have them: arrow keys move, and the panel of the chosen tab is the only one shown.

import { element, replace } from "./dom.js";

/** @typedef {{id: string, label: string, open: (section: HTMLElement) => void}} OpenTab */

/**
 * Make the tabs and their panels. A panel is filled when its tab is first chosen. The fragment of the URL names the tab.
 * @param {HTMLElement} bar @param {HTMLElement} main @param {OpenTab[]} tabs
 */
export function tablist(bar, main, tabs) {
  /** @type {Map<string, {button: HTMLElement, panel: HTMLElement, tab: OpenTab, isOpen: boolean}>} */
  const byId = new Map();
  for (const tab of tabs) {
    const button = element("button", { role: "tab", type: "button", id: `tab-${tab.id}`, "aria-controls": `panel-${tab.id}` }, tab.label);
    const panel = element("section", { role: "tabpanel", id: `panel-${tab.id}`, "aria-labelledby": `tab-${tab.id}` });
    button.addEventListener("click", () => choose(tab.id));
    button.addEventListener("keydown", (event) => move(/** @type {KeyboardEvent} */ (event), tab.id));
    byId.set(tab.id, { button, panel, tab, isOpen: false });
  }
  const entries = [...byId.values()];
  replace(bar, element("div", { role: "tablist", "aria-label": "Console" }, entries.map((entry) => entry.button)));
  replace(main, entries.map((entry) => entry.panel));

  /** @param {string} id */
  function choose(id) {
    for (const [other, entry] of byId) {
      const isChosen = other === id;
      entry.button.setAttribute("aria-selected", String(isChosen));
      entry.button.tabIndex = isChosen ? 0 : -1;
      entry.panel.hidden = !isChosen;
      if (isChosen && !entry.isOpen) {
        entry.isOpen = true;
        entry.tab.open(entry.panel);
      }
    }
    history.replaceState(null, "", `#${id}`);
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
    choose(ids[target]);
    byId.get(ids[target])?.button.focus();
  }

  const named = location.hash.slice(1);
  choose(byId.has(named) ? named : tabs[0].id);
}
