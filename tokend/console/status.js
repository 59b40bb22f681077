// @ts-check
// The tab Status: the last hour as plots, and the requests that failed last.

import { alertOf, element } from "./dom.js";
import { createFailures } from "./failures.js";
import { createPlot, number, whole } from "./plots.js";
import { gauge, growth, labelsOf, quantile, quantileOfAll, rate, total } from "./series.js";

/** @typedef {import("./series.js").Sample} Sample */
/** @typedef {import("./plots.js").Series} Series */
/** @typedef {Record<string, "good" | "warn" | "bad">} Tones */

/** Seconds between two requests for the history, which has a sample as often. */
const EVERY = 10;
const MEBIBYTE = 1048576;
const HOUR = "In the hour";
const HIGHEST = "Highest";

/** @type {(import("./plots.js").Kind & {series: (samples: Sample[]) => Series[]})[]} */
const PLOTS = [
  { title: "Requests", unit: "per second, by status", sumTitle: HOUR, series: rates("requests", 1, { "2xx": "good", "4xx": "warn", "5xx": "bad" }) },
  { title: "Tokens", unit: "per minute, by kind", sumTitle: HOUR, series: rates("issued", 60) },
  { title: "Refusals", unit: "per minute, by code", sumTitle: HOUR, series: rates("refused", 60) },
  { title: "Latency", unit: "milliseconds, over a minute", sumTitle: HOUR, series: latency },
  { title: "Rate limits", unit: "checks per minute", sumTitle: HOUR, series: rates("limits", 60, { admitted: "good", limited: "warn", unavailable: "bad" }) },
  { title: "Audit", unit: "records per minute", sumTitle: HOUR, series: rates("audit", 60, { ok: "good", failed: "bad" }) },
  { title: "Deny list", unit: "entries, by source", sumTitle: HIGHEST, series: (samples) => labelsOf(samples, "deny").map((source) => level(samples, `deny|${source}`, source)) },
  { title: "Reloads and restarts", unit: "how many so far", sumTitle: HOUR, series: events },
  { title: "Workers", unit: "processes", sumTitle: HIGHEST, series: (samples) => [level(samples, "workers", "workers")] },
  {
    title: "Connections",
    unit: "open",
    sumTitle: HIGHEST,
    series: (samples) => [level(samples, "connections", "connections"), level(samples, "in_flight", "requests in flight")],
  },
  { title: "Memory", unit: "MiB, all processes", sumTitle: HIGHEST, series: (samples) => [level(samples, "memory", "resident", MEBIBYTE)] },
  { title: "CPU", unit: "percent of a core", sumTitle: "Mean", series: processor },
];

/**
 * Fill the section, and keep it up to date while it is seen.
 * @param {HTMLElement} section
 * @param {{admin: (path: string, options?: object) => Promise<any>}} api
 */
export function mount(section, api) {
  const plots = PLOTS.map((plot) => ({ plot: createPlot(plot), series: plot.series }));
  const failures = createFailures();
  const tiles = element("dl", { class: "tiles" });
  const updated = element("p", { class: "quiet" }, "Loading…");
  const trouble = element("div", {});
  const pause = element("button", { type: "button", "aria-pressed": "false" }, "Pause");
  section.replaceChildren(
    element("div", { class: "operator" },
      element("div", { class: "heading" }, element("h2", {}, "Status"), updated, pause),
      trouble,
      tiles,
      element("div", { class: "plots" }, ...plots.map(({ plot }) => plot.element)),
      failures.element),
  );

  async function update() {
    try {
      const [history, failed] = await Promise.all([api.admin("/-/history"), api.admin("/-/failures")]);
      const last = history.samples.at(-1);
      if (last) {
        for (const { plot, series } of plots) plot.show(series(history.samples), last.time);
        tiles.replaceChildren(...tilesOf(last.values));
        updated.textContent = `Measured at ${new Date(last.time * 1000).toLocaleTimeString([], { hour12: false })}, every ${history.every} s`;
      }
      failures.show(failed);
      trouble.replaceChildren();
    } catch (error) {
      if (!trouble.hasChildNodes()) trouble.append(alertOf(error)); // read out once, not every ten seconds
    }
  }

  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  pause.addEventListener("click", () => pause.setAttribute("aria-pressed", String(!isPaused())));
  whileSeen(section, EVERY, () => (isPaused() ? Promise.resolve() : update()));
}

/**
 * Call `update` at once and every few seconds, but not while the section or the browser's tab is hidden.
 * @param {HTMLElement} section
 * @param {number} seconds
 * @param {() => Promise<void>} update
 */
function whileSeen(section, seconds, update) {
  let isInSight = false;
  let isRunning = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  async function run() {
    clearTimeout(timer);
    if (isRunning || !isInSight || document.hidden) return;
    isRunning = true;
    await update();
    isRunning = false;
    timer = setTimeout(run, seconds * 1000);
  }
  new IntersectionObserver((entries) => {
    isInSight = entries[entries.length - 1].isIntersecting;
    run();
  }).observe(section);
  document.addEventListener("visibilitychange", function shown() {
    if (section.isConnected) run();
    else document.removeEventListener("visibilitychange", shown);
  });
}

/**
 * The rates of the counters of a family. Those that `tones` names are shown before they count.
 * @param {string} family
 * @param {number} per
 * @param {Tones} [tones]
 * @returns {(samples: Sample[]) => Series[]}
 */
function rates(family, per, tones = {}) {
  return (samples) =>
    [...new Set([...Object.keys(tones), ...labelsOf(samples, family)])].map((label) => ({
      name: label,
      points: rate(samples, `${family}|${label}`, per),
      sum: whole(total(samples, `${family}|${label}`)),
      tone: tones[label],
    }));
}

/** @param {Sample[]} samples @returns {Series[]} */
function latency(samples) {
  return [["median", 0.5], ["99th percentile", 0.99]].map(([name, share]) => {
    const points = quantile(samples, Number(share)).map((point) => ({ ...point, value: point.value === null ? null : point.value * 1000 }));
    const all = quantileOfAll(samples, Number(share));
    return { name: String(name), points, sum: all === null ? "–" : number(all * 1000) };
  });
}

/** @param {Sample[]} samples @returns {Series[]} */
function events(samples) {
  /** @type {[string, string, "good" | "warn" | "bad" | undefined][]} */
  const lines = [
    ["reloads|done", "reload done", "good"],
    ["reloads|unchanged", "reload without a change", undefined],
    ["reloads|refused", "reload rejected", "bad"],
    ["worker_restarts|killed", "worker killed", "warn"],
    ["worker_restarts|exited", "worker exited", undefined],
  ];
  return lines.map(([name, title, tone]) => ({ name: title, points: growth(samples, name), sum: whole(total(samples, name)), tone }));
}

/** @param {Sample[]} samples @returns {Series[]} */
function processor(samples) {
  const seconds = samples.length ? samples[samples.length - 1].time - samples[0].time : 0;
  const mean = seconds ? number((total(samples, "cpu") / seconds) * 100) : "–";
  return [{ name: "CPU time", points: rate(samples, "cpu", 100), sum: mean }];
}

/**
 * @param {Sample[]} samples
 * @param {string} name
 * @param {string} title
 * @param {number} [unit]
 * @returns {Series}
 */
function level(samples, name, title, unit = 1) {
  const points = gauge(samples, name).map((point) => ({ ...point, value: point.value === null ? null : point.value / unit }));
  return { name: title, points, sum: number(points.reduce((highest, point) => Math.max(highest, point.value ?? 0), 0)) };
}

/** What the server is now, in a few words. @param {Record<string, number>} values */
function tilesOf(values) {
  const tiles = [tile("Workers", whole(values.workers ?? 0), values.workers ? "good" : "bad")];
  tiles.push(tile("Connections", whole(values.connections ?? 0)), tile("In flight", whole(values.in_flight ?? 0)));
  tiles.push(tile("Memory", `${whole((values.memory ?? 0) / MEBIBYTE)} MiB`));
  tiles.push(health("Audit", values.audit_healthy, "is written", "cannot be written", "none"));
  tiles.push(health("Rate limits", values.limiter_healthy, "Redis counts", "Redis does not answer", "counted here"));
  if (values.log_lines_dropped) tiles.push(tile("Log lines dropped", whole(values.log_lines_dropped), "warn"));
  return tiles;
}

/**
 * @param {string} name
 * @param {number | undefined} value
 * @param {string} good
 * @param {string} bad
 * @param {string} none
 */
function health(name, value, good, bad, none) {
  return value === undefined ? tile(name, none) : tile(name, value ? good : bad, value ? "good" : "bad");
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} [state]
 */
function tile(name, value, state = "plain") {
  return element("div", { class: `tile is-${state}` }, element("dt", {}, name), element("dd", {}, value));
}
