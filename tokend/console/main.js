// @ts-check
// The console's entry: the tabs, the admin key where one is needed, and the choice of an app.

import { Api, modeOfPage } from "./api.js";
import { alertOf, element, field, replace } from "./dom.js";
import * as inspect from "./inspect.js";
import { tablist } from "./tabs.js";
import * as token from "./token.js";

const api = new Api(modeOfPage());
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const tabs = /** @type {HTMLElement} */ (document.getElementById("tabs"));
const about = /** @type {HTMLElement} */ (document.getElementById("about"));

/** @typedef {import("./api.js").App} App */
/** @typedef {{id: string, label: string, mount: (section: HTMLElement, api: Api) => void | Promise<void>}} Tab */

/** The tabs of an app: what its callers can do. @type {Tab[]} */
const APP_TABS = [
  { id: "token", label: "Get a token", mount: token.mount },
  { id: "inspect", label: "Inspect", mount: inspect.mount },
];

/** Those of the operator, which are loaded on the admin listener alone. @type {[string, string, string][]} */
const OPERATOR_TABS = [
  ["status", "Status", "./status.js"],
  ["denylist", "Deny list", "./denylist.js"],
  ["configuration", "Configuration", "./configuration.js"],
];

/** @param {HTMLElement} section @param {() => Promise<void> | void} work */
async function shown(section, work) {
  try {
    await work();
  } catch (error) {
    const alert = alertOf(error);
    alert.append(element("button", { type: "button", onclick: () => void shown(section, work) }, "Try again"));
    replace(section, alert);
  }
}

/** Show these tabs. @param {Tab[]} all */
function open(all) {
  replace(main);
  tablist(tabs, main, all.map((tab) => ({ ...tab, open: (section) => void shown(section, () => tab.mount(section, api)) })));
}

/** Ask for the admin key, and go on once it is right. */
function askForKey() {
  const key = /** @type {HTMLInputElement} */ (element("input", { type: "password", autocomplete: "off", spellcheck: "false", required: true }));
  const problem = element("div", {});
  const form = element(
    "form",
    { class: "card narrow", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      api.useAdminKey(key.value.trim());
      replace(problem);
      void openOperator().catch((error) => {
        replace(problem, alertOf(error.status === 401 ? new Error("This is not the key of server.admin.") : error));
        key.focus();
      });
    } },
    element("h2", {}, "Admin key"),
    element("p", {}, "This console is for the operator of this server. The key is kept in this tab alone, until you close or reload it."),
    field("Key of server.admin", key, "The server knows only its digest: the key itself is where you put it when you made it."),
    problem,
    element("button", { type: "submit", class: "primary" }, "Open the console"),
  );
  replace(main, form);
  key.focus();
}

/** The operator's console, with the app that was chosen last. */
async function openOperator() {
  /** @type {{apps: App[]}} */
  const { apps } = await api.admin("/-/apps");
  let usable = apps.filter((app) => app.native);
  const operator = OPERATOR_TABS.map(([id, label, module]) => ({
    id,
    label,
    mount: async (/** @type {HTMLElement} */ section) => (await import(module)).mount(section, api),
  }));
  if (usable.length === 0) {
    replace(about, "No app has the dialect native: tokens can only be requested by other clients.");
    open(operator);
    return;
  }
  const optionsOf = (/** @type {App[]} */ of) => of.map((app) => element("option", { value: app.name }, app.name));
  const select = /** @type {HTMLSelectElement} */ (element("select", { id: "app" }, optionsOf(usable)));
  api.useApp(usable[0]);
  select.addEventListener("focus", async () => {
    const found = (await api.admin("/-/apps").catch(() => ({ apps: usable }))).apps.filter((/** @type {App} */ app) => app.native);
    if (JSON.stringify(found) === JSON.stringify(usable)) return;
    const chosen = select.value;
    usable = found; // since a reload
    replace(select, optionsOf(usable));
    select.value = chosen;
  });
  select.addEventListener("change", () => {
    api.useApp(usable[select.selectedIndex]);
    open([...operator.slice(0, 1), ...APP_TABS, ...operator.slice(1)]);
  });
  replace(about, element("label", { for: "app" }, "App "), select);
  open([...operator.slice(0, 1), ...APP_TABS, ...operator.slice(1)]);
}

if (api.mode === "admin") askForKey();
else open(APP_TABS);
