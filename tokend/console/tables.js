// @ts-check
// Tables that become a list of cards on a phone. The roles are written out, since a table that is no table for CSS loses them.

import { element } from "./dom.js";

/**
 * A column. `cell`: what a row has there; null: nothing, and a card leaves it out.
 * @template Row
 * @typedef {{title: string, cell: (row: Row) => Node | string | null, class?: string, isTitleHidden?: boolean}} Column
 */

/**
 * A table with a caption for screen readers.
 * @template Row
 * @param {string} caption
 * @param {Column<Row>[]} columns
 * @param {Row[]} rows
 * @returns {HTMLElement}
 */
export function table(caption, columns, rows) {
  const titles = columns.map((column) => {
    const title = column.isTitleHidden ? element("span", { class: "hidden" }, column.title) : column.title;
    return element("th", { scope: "col", role: "columnheader" }, title);
  });
  return element(
    "table",
    { class: "stacking", role: "table" },
    element("caption", { class: "hidden" }, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...titles)),
    element("tbody", { role: "rowgroup" }, ...rows.map((row) => tr(columns, row))),
  );
}

/**
 * @template Row
 * @param {Column<Row>[]} columns
 * @param {Row} row
 */
function tr(columns, row) {
  const cells = columns.map((column) => {
    const content = column.cell(row);
    const label = column.isTitleHidden ? "" : column.title;
    const classes = [column.class ?? "", content === null ? "empty" : ""].join(" ").trim();
    return element("td", { role: "cell", "data-label": label, class: classes }, content ?? "–");
  });
  return element("tr", { role: "row" }, ...cells);
}
