// @ts-check
// A plot of lines over the last hour: SVG, a legend with the values of now, and the same numbers as a table.
// docs/decisions/0019-console-plots.md says why no library draws it.

import { element } from "./dom.js";

/** @typedef {import("./series.js").Point} Point */
/**
 * A line. `tone`: its colour, where the meaning decides it. `sum`: what the legend says of the whole hour.
 * @typedef {{name: string, points: Point[], sum: string, tone?: "good" | "warn" | "bad"}} Series
 */
/** `sumTitle`: what `sum` is. @typedef {{title: string, unit: string, sumTitle: string}} Kind */
/** @typedef {{element: HTMLElement, show: (series: Series[], end: number) => void}} Plot */

const WIDTH = 360;
const HEIGHT = 150;
const LEFT = 40;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;
/** The spans of the time axis in seconds: the shortest that holds all points is used. */
const SPANS = [600, 1800, 3600];
/** Seconds between two rows of the table. */
const ROW = 300;
const COLOURS = 8;

/**
 * An empty plot; `show` draws it, and draws it again.
 * @param {Kind} kind
 * @returns {Plot}
 */
export function createPlot(kind) {
  const id = `plot-${kind.title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "plot-drawing" });
  const when = element("th", { scope: "col" }, "Now");
  const rows = element("tbody", {});
  const legend = element(
    "table",
    { class: "plot-legend", "aria-labelledby": id },
    element("thead", {}, element("tr", {}, th("Series"), when, th(kind.sumTitle))),
    rows,
  );
  const numbers = element("div", { class: "plot-numbers", role: "region", "aria-label": `${kind.title}, numbers`, tabindex: "0" });
  const title = element("h3", { id }, kind.title, " ", element("span", { class: "unit" }, kind.unit));
  const details = /** @type {HTMLDetailsElement} */ (element("details", {}, element("summary", {}, "Numbers"), numbers));
  /** @type {Series[]} */
  let shown = [];
  let start = 0;
  let end = 0;

  /** @param {number | null} time the time to read, or null for now */
  function read(time) {
    when.textContent = time === null ? "Now" : clock(time);
    shown.forEach((line, index) => {
      const value = valueAt(line.points, time ?? end);
      rows.children[index].children[1].textContent = value === null ? "–" : number(value);
    });
    for (const old of drawing.querySelectorAll(".plot-cursor")) old.remove();
    if (time === null) return;
    const x = String(across(time, start, end));
    drawing.append(svg("line", { class: "plot-cursor", x1: x, x2: x, y1: String(TOP), y2: String(HEIGHT - BOTTOM) }));
  }

  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const time = start + ((x - LEFT) / (WIDTH - LEFT - RIGHT)) * (end - start);
    read(shown.length && time >= start && time <= end ? time : null);
  });
  drawing.addEventListener("pointerleave", () => read(null));
  details.addEventListener("toggle", () => numbers.replaceChildren(...(details.open ? [table(kind, shown)] : [])));

  return {
    element: element("section", { class: "card plot", "aria-labelledby": id }, title, drawing, legend, details),
    show(series, until) {
      shown = series;
      end = until;
      const first = Math.min(end, ...series.map((line) => line.points[0]?.time ?? end));
      start = end - (SPANS.find((span) => span >= end - first) ?? SPANS[SPANS.length - 1]);
      const values = series.flatMap((line) => line.points.map((point) => point.value ?? 0));
      const top = roundedUp(values.reduce((highest, value) => Math.max(highest, value), 0));
      drawing.replaceChildren(...axes(top, start, end), ...series.map((line, index) => path(line, index, top, start, end)));
      rows.replaceChildren(...(series.length ? series.map(legendRow) : [nothing()]));
      drawing.setAttribute("aria-label", sentence(kind, series, end));
      if (details.open) numbers.replaceChildren(table(kind, series));
      if (series.length) read(null);
    },
  };
}

/**
 * @param {number} top
 * @param {number} start
 * @param {number} end
 */
function axes(top, start, end) {
  const ticks = top < 1 || Number.isInteger(top / 2) ? [0, top / 2, top] : [0, top]; // no half of a worker
  const horizontal = ticks.flatMap((value) => {
    const y = up(value, top);
    const line = svg("line", { class: "plot-grid", x1: String(LEFT), x2: String(WIDTH - RIGHT), y1: String(y), y2: String(y) });
    return [line, text(number(value), LEFT - 6, y + 3.5, "end")];
  });
  const middle = (start + end) / 2;
  const y = HEIGHT - 5;
  return [
    ...horizontal,
    text(clock(start, false), LEFT, y, "start"),
    text(clock(middle, false), across(middle, start, end), y, "middle"),
    text(clock(end, false), WIDTH - RIGHT, y, "end"),
  ];
}

/**
 * @param {Series} line
 * @param {number} index
 * @param {number} top
 * @param {number} start
 * @param {number} end
 */
function path(line, index, top, start, end) {
  let isDrawing = false;
  let steps = "";
  for (const point of line.points) {
    if (point.value === null || point.time < start) {
      isDrawing = false;
      continue;
    }
    const place = `${across(point.time, start, end).toFixed(1)} ${up(point.value, top).toFixed(1)}`;
    steps += isDrawing ? `L${place}` : `M${place}h0`; // h0: a point without neighbours is a dot
    isDrawing = true;
  }
  return svg("path", { class: `plot-line ${colour(line, index)}`, d: steps });
}

/**
 * @param {Series} line
 * @param {number} index
 */
function legendRow(line, index) {
  const swatch = svg("svg", { class: "plot-swatch", viewBox: "0 0 24 8", "aria-hidden": "true" });
  swatch.append(svg("path", { class: `plot-line ${colour(line, index)}`, d: "M1 4H23" }));
  const name = element("span", {}, line.name);
  return element("tr", {}, element("th", { scope: "row" }, swatch, name), element("td", {}), element("td", {}, line.sum));
}

function nothing() {
  return element("tr", {}, element("td", { colspan: "3", class: "quiet" }, "Nothing in this hour."));
}

/**
 * The numbers every five minutes, for those who cannot see the lines.
 * @param {Kind} kind
 * @param {Series[]} series
 */
function table(kind, series) {
  const times = [...new Set(series.flatMap((line) => line.points.map((point) => Math.ceil(point.time / ROW) * ROW)))].sort((one, other) => one - other);
  const rows = times.map((time) => {
    const cells = series.map((line) => {
      const inside = line.points.filter((point) => point.time > time - ROW && point.time <= time);
      const values = inside.flatMap((point) => (point.value === null ? [] : [point.value]));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return element("td", {}, values.length ? number(mean) : "–");
    });
    return element("tr", {}, element("th", { scope: "row" }, `${clock(time - ROW, false)}–${clock(time, false)}`), ...cells);
  });
  const head = element("tr", {}, th("Time"), ...series.map((line) => th(line.name)));
  const caption = element("caption", {}, `${kind.title}, ${kind.unit}: the mean of every five minutes`);
  return element("table", { class: "numbers" }, caption, element("thead", {}, head), element("tbody", {}, ...rows));
}

/**
 * @param {Kind} kind
 * @param {Series[]} series
 * @param {number} end
 */
function sentence(kind, series, end) {
  const now = series.map((line) => {
    const value = valueAt(line.points, end);
    return `${line.name} ${value === null ? "none" : number(value)}`;
  });
  return `${kind.title}, ${kind.unit}, now: ${now.join(", ") || "nothing"}`;
}

/**
 * The value at the last point that is not later.
 * @param {Point[]} points
 * @param {number} time
 */
function valueAt(points, time) {
  return points.findLast((point) => point.time <= time)?.value ?? null;
}

/**
 * @param {Series} line
 * @param {number} index
 */
function colour(line, index) {
  return line.tone ? `tone-${line.tone}` : `tone-${index % COLOURS}`;
}

/** The next of 1, 2 and 5 times a power of ten. @param {number} value */
function roundedUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10);
}

/**
 * @param {number} time
 * @param {number} start
 * @param {number} end
 */
function across(time, start, end) {
  return LEFT + ((time - start) / (end - start)) * (WIDTH - LEFT - RIGHT);
}

/**
 * @param {number} value
 * @param {number} top
 */
function up(value, top) {
  return HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
}

/**
 * @param {number} time
 * @param {boolean} [withSeconds]
 */
function clock(time, withSeconds = true) {
  return new Date(time * 1000).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: withSeconds ? "2-digit" : undefined,
    hour12: false,
  });
}

/** @param {string} name */
function th(name) {
  return element("th", { scope: "col" }, name);
}

/**
 * @param {string} content
 * @param {number} x
 * @param {number} y
 * @param {string} anchor
 */
function text(content, x, y, anchor) {
  const made = svg("text", { x: String(x), y: String(y), "text-anchor": anchor });
  made.textContent = content;
  return made;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 */
function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** @param {number} value */
export function number(value) {
  return Math.abs(value) < 1000 ? value.toLocaleString("en", { maximumSignificantDigits: 3 }) : whole(value);
}

/** @param {number} value */
export function whole(value) {
  return value.toLocaleString("en", { maximumFractionDigits: 0 });
}
