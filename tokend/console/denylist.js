// @ts-check
// The tab Deny list: the entries of each source, and adding and removing them.

import { alertOf, element, field } from "./dom.js";
import { entryInWords, createDenyForm } from "./denyform.js";
import { table } from "./tables.js";
import { moment, remaining, serverNow } from "./times.js";

/** @typedef {import("./denyform.js").Entry} Entry */
/** `ends`: Unix seconds. @typedef {{entry: Entry, ends: number | null}} Listed */
/** @typedef {{name: string, writable: boolean, entries: Listed[], problems: string[]}} Source */
/** @typedef {{admin: (path: string, options?: object) => Promise<any>}} Api */

/** The most entries that are shown at a time. */
const SHOWN = 200;
/** Seconds between two updates of the time that is left. */
const TICK = 30;

/**
 * Fill the section.
 * @param {HTMLElement} section
 * @param {Api} api
 */
export function mount(section, api) {
  const notice = element("div", { class: "notice", role: "status" });
  const lists = element("div", { class: "lists" });
  const filter = /** @type {HTMLInputElement} */ (element("input", { type: "search", id: "deny-filter", autocomplete: "off" }));
  const title = element("h2", { tabindex: "-1" }, "Deny list");
  const again = element("button", { type: "button" }, "Read again");
  const form = createDenyForm(api, async (sentence) => {
    await read();
    notice.textContent = sentence;
  });
  const filterLine = field("Show entries that contain", filter);
  /** @type {Source[]} */
  let sources = [];

  section.replaceChildren(
    element("div", { class: "operator" },
      element("div", { class: "heading" }, title, again),
      element("p", { class: "quiet" }, "No more tokens for whoever fits an entry. Tokens that were issued before stay valid."),
      notice,
      filterLine,
      lists,
      form.element),
  );

  async function read() {
    try {
      sources = (await api.admin("/-/deny")).sources;
      notice.textContent = "";
    } catch (error) {
      sources = [];
      notice.replaceChildren(alertOf(error));
    }
    form.show(sources.filter((source) => source.writable).map((source) => source.name));
    draw();
  }

  function draw() {
    filterLine.hidden = !sources.some((source) => source.entries.length > 5);
    lists.replaceChildren(...sources.map((source) => card(source, filterLine.hidden ? "" : filter.value, confirmRemoval)));
  }

  /**
   * @param {string} source
   * @param {Entry} entry
   */
  function confirmRemoval(source, entry) {
    const dialog = removalDialog(entry, async (reason) => {
      await api.admin("/-/deny", { method: "DELETE", body: { source, entry, reason: reason || null } });
      await read();
      notice.textContent = `Removed: ${entryInWords(entry)}. Running servers apply it within a second, or, if the file becomes empty, within three.`;
      title.focus();
    });
    section.append(dialog);
    dialog.showModal();
  }

  filter.addEventListener("input", draw);
  again.addEventListener("click", read);
  section.addEventListener("shown", read);
  const ticking = setInterval(() => {
    if (!section.isConnected) clearInterval(ticking);
    const isUsed = lists.contains(document.activeElement) || section.querySelector("dialog");
    if (!document.hidden && lists.checkVisibility() && !isUsed) draw();
  }, TICK * 1000);
  read();
}

/**
 * A source with its entries.
 * @param {Source} source
 * @param {string} filter
 * @param {(source: string, entry: Entry) => void} remove
 */
function card(source, filter, remove) {
  const now = serverNow();
  const sought = filter.trim().toLowerCase();
  const found = source.entries.filter(({ entry }) => JSON.stringify(Object.values(entry)).toLowerCase().includes(sought));
  const id = `deny-${source.name}`;
  const parts = [element("h3", { id }, source.name === "redis" ? "Redis" : "File")];
  if (!source.writable) parts.push(element("p", { class: "trouble" }, "This source can be neither read nor changed here."));
  if (source.problems.length) {
    const problems = source.problems.slice(0, 20).map((problem) => element("li", {}, problem));
    const lead = source.writable ? "Some lines are no entries. Until they are corrected, running servers remove no entry:" : "The reason:";
    parts.push(element("p", { class: "trouble" }, lead), element("ul", { class: "trouble" }, ...problems));
  }
  if (found.length > SHOWN) {
    parts.push(element("p", { class: "quiet" }, `The first ${SHOWN} of ${found.length} entries. Search for the others above.`));
  }
  if (found.length) {
    parts.push(table(`Entries of ${source.name}`, columns(now, (entry) => remove(source.name, entry)), found.slice(0, SHOWN)));
  } else if (source.writable) {
    parts.push(element("p", { class: "quiet" }, sought ? "No entry contains this." : "Nobody is denied here."));
  }
  return element("section", { class: "card", "aria-labelledby": id }, ...parts);
}

/**
 * @param {number} now
 * @param {(entry: Entry) => void} remove
 * @returns {import("./tables.js").Column<Listed>[]}
 */
function columns(now, remove) {
  return [
    { title: "App", cell: ({ entry }) => entry.app ?? element("span", { class: "quiet" }, "all apps") },
    { title: "User", cell: ({ entry }) => entry.user ?? null, class: "id" },
    { title: "Sub", cell: ({ entry }) => entry.sub ?? null, class: "id" },
    { title: "Channel", cell: ({ entry }) => entry.channel ?? null, class: "id" },
    { title: "Caller", cell: ({ entry }) => entry.caller ?? null, class: "id" },
    { title: "Signed URL", cell: ({ entry }) => entry.url ?? null, class: "id" },
    { title: "Issued before", cell: ({ entry }) => (entry.issued_before === undefined ? null : moment(entry.issued_before, now)) },
    { title: "Ends", cell: ({ ends }) => (ends === null ? "never" : remaining(ends, now)) },
    { title: "Remove", isTitleHidden: true, class: "action", cell: ({ entry }) => removeButton(entry, remove) },
  ];
}

/**
 * @param {Entry} entry
 * @param {(entry: Entry) => void} remove
 */
function removeButton(entry, remove) {
  const button = element("button", { type: "button", class: "small", "aria-label": `Remove ${entryInWords(entry)}` }, "Remove");
  button.addEventListener("click", () => remove(entry));
  return button;
}

/**
 * A dialog that removes an entry once that is confirmed. It stays open, with the server's sentence, if that fails.
 * @param {Entry} entry
 * @param {(reason: string) => Promise<void>} remove
 */
function removalDialog(entry, remove) {
  const reason = /** @type {HTMLInputElement} */ (element("input", { id: "removal-reason", maxlength: "200", autocomplete: "off" }));
  const confirm = element("button", { type: "button", class: "danger" }, "Remove");
  const cancel = element("button", { type: "button" }, "Keep it");
  const trouble = element("div", {});
  const dialog = /** @type {HTMLDialogElement} */ (
    element("dialog", { class: "operator", "aria-labelledby": "removal-title" },
      element("h3", { id: "removal-title" }, "Remove this entry?"),
      element("p", {}, `${entryInWords(entry)} gets tokens again as the rules allow it.`),
      field("Reason, for the audit (optional)", reason),
      trouble,
      element("div", { class: "buttons" }, cancel, confirm))
  );
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  confirm.addEventListener("click", async () => {
    confirm.toggleAttribute("disabled", true);
    try {
      await remove(reason.value.trim());
      dialog.close();
    } catch (error) {
      trouble.replaceChildren(alertOf(error));
      confirm.toggleAttribute("disabled", false);
    }
  });
  return dialog;
}
