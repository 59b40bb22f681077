// @ts-check
// What the plots show, computed from the samples of /-/history. No DOM, no network, no clock.

/** The sums of the server's counters and gauges at a time. `time`: Unix seconds. @typedef {{time: number, values: Record<string, number>}} Sample */
/** `value`: null where there is nothing to draw. @typedef {{time: number, value: number | null}} Point */

/** Seconds without a sample after which a line is interrupted. */
const GAP = 60;
/** Samples over which a quantile is computed: a minute, since ten seconds often hold a few requests only. */
const WINDOW = 6;

/**
 * The last parts of the names `family|label` in the samples, sorted.
 * @param {Sample[]} samples
 * @param {string} family
 * @returns {string[]}
 */
export function labelsOf(samples, family) {
  const found = new Set();
  for (const sample of samples) {
    for (const name of Object.keys(sample.values)) {
      if (name.startsWith(`${family}|`)) found.add(name.slice(family.length + 1));
    }
  }
  return [...found].sort();
}

/**
 * How much a counter has grown between two samples. A server that was restarted counts from 0 again: never negative.
 * @param {Sample} before
 * @param {Sample} after
 * @param {string} name
 * @returns {number}
 */
export function increase(before, after, name) {
  const earlier = before.values[name] ?? 0;
  const later = after.values[name] ?? 0;
  return later >= earlier ? later - earlier : later;
}

/**
 * How often a counter was increased, for each sample but the first.
 * @param {Sample[]} samples
 * @param {string} name
 * @param {number} per seconds of the unit: 1 for "per second", 60 for "per minute"
 * @returns {Point[]}
 */
export function rate(samples, name, per) {
  return between(samples, 1, (before, after) => (increase(before, after, name) * per) / (after.time - before.time));
}

/**
 * How much a counter has grown since the first of the samples, restarts included.
 * @param {Sample[]} samples
 * @param {string} name
 * @returns {number}
 */
export function total(samples, name) {
  return samples.slice(1).reduce((sum, sample, index) => sum + increase(samples[index], sample, name), 0);
}

/**
 * The growth of a counter since the first sample, at each of them.
 * @param {Sample[]} samples
 * @param {string} name
 * @returns {Point[]}
 */
export function growth(samples, name) {
  let sum = 0;
  return samples.map((sample, index) => {
    sum += index ? increase(samples[index - 1], sample, name) : 0;
    return { time: sample.time, value: sum };
  });
}

/**
 * The values of a gauge. Where it is missing there is nothing to draw.
 * @param {Sample[]} samples
 * @param {string} name
 * @returns {Point[]}
 */
export function gauge(samples, name) {
  return samples.map((sample) => ({ time: sample.time, value: sample.values[name] ?? null }));
}

/**
 * A quantile of the latency in seconds, over the minute before each sample; null where no request was answered.
 * @param {Sample[]} samples
 * @param {number} share 0.5 for the median, 0.99
 * @returns {Point[]}
 */
export function quantile(samples, share) {
  const bounds = boundsOf(samples);
  return between(samples, WINDOW, (before, after) => quantileOf(bounds, countsOf(before, after, bounds), share));
}

/**
 * The quantile of all requests since the first of the samples.
 * @param {Sample[]} samples
 * @param {number} share
 * @returns {number | null}
 */
export function quantileOfAll(samples, share) {
  const bounds = boundsOf(samples);
  const sums = bounds.map(() => 0);
  for (let index = 1; index < samples.length; index += 1) {
    countsOf(samples[index - 1], samples[index], bounds).forEach((count, place) => {
      sums[place] += count;
    });
  }
  return quantileOf(bounds, sums, share);
}

/**
 * The upper bounds of the histogram's buckets as written, in their order.
 * @param {Sample[]} samples
 */
function boundsOf(samples) {
  return labelsOf(samples, "seconds").sort((one, other) => secondsOf(one) - secondsOf(other));
}

/**
 * How many requests took at most the seconds of each bound. After a restart, those since then.
 * @param {Sample} before
 * @param {Sample} after
 * @param {string[]} bounds
 */
function countsOf(before, after, bounds) {
  const isRestarted = (after.values["seconds|+Inf"] ?? 0) < (before.values["seconds|+Inf"] ?? 0);
  const from = isRestarted ? { ...before, values: {} } : before;
  return bounds.map((bound) => increase(from, after, `seconds|${bound}`));
}

/**
 * As Prometheus has it: linear between the bounds of the bucket, and the highest finite bound above that.
 * @param {string[]} bounds
 * @param {number[]} counts cumulative
 * @param {number} share
 */
function quantileOf(bounds, counts, share) {
  const all = counts.at(-1) ?? 0;
  if (!all) return null;
  const rank = share * all;
  const place = counts.findIndex((count) => count >= rank);
  const lower = place ? secondsOf(bounds[place - 1]) : 0;
  const upper = secondsOf(bounds[place]);
  if (!Number.isFinite(upper)) return lower;
  const below = place ? counts[place - 1] : 0;
  return lower + ((upper - lower) * (rank - below)) / (counts[place] - below);
}

/** @param {string} bound */
function secondsOf(bound) {
  return bound === "+Inf" ? Infinity : Number(bound);
}

/**
 * A value for each sample but the first, from the sample `width` before it, or the earliest after a gap.
 * @param {Sample[]} samples
 * @param {number} width
 * @param {(before: Sample, after: Sample) => number | null} valueOf
 * @returns {Point[]}
 */
function between(samples, width, valueOf) {
  let earliest = 0;
  return samples.flatMap((after, index) => {
    if (!index) return [];
    if (after.time - samples[index - 1].time > GAP) earliest = index;
    const before = samples[Math.max(earliest, index - width)];
    const isDrawn = after.time > before.time;
    return [{ time: after.time, value: isDrawn ? valueOf(before, after) : null }];
  });
}
