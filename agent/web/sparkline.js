// The last hours of each quantity, and the line that shows them.
import { set, span, valueText } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120;
const HEIGHT = 32;
const MARGIN = 2;
const FLATTEST = 12; // steps of the chip that fill the height at least: noise of one step is no drama

let width = 0; // seconds of a slot
let slots = 120;
const series = new Map(); // "sensor quantity" -> Map of slot -> [low, high]
let oldest = 0;
let newest = 0;

// Takes a part of the history: all slots of a new width, or the newest ones.
export function takeHistory(part) {
  if (part.width !== width) forgetHistory();
  ({ width, slots } = part);
  for (const [sensor, quantities] of Object.entries(part.series)) {
    for (const [name, { first, values }] of Object.entries(quantities)) {
      const key = `${sensor} ${name}`;
      const kept = series.get(key) ?? new Map();
      values.forEach((one, index) => {
        if (one != null) kept.set(first + index, Array.isArray(one) ? one : [one, one]);
        newest = Math.max(newest, first + index);
      });
      series.set(key, kept);
    }
  }
  oldest = newest;
  for (const kept of series.values()) {
    for (const slot of kept.keys()) {
      if (slot <= newest - slots) kept.delete(slot);
      else oldest = Math.min(oldest, slot);
    }
  }
}

export function forgetHistory() {
  series.clear();
  width = oldest = newest = 0;
}

// How far back the lines reach, in words.
export function reach() {
  return newest > oldest ? span((newest - oldest + 1) * width) : "";
}

export function makeSparkline() {
  const svg = document.createElementNS(SVG, "svg");
  set(svg, "viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  set(svg, "preserveAspectRatio", "none");
  set(svg, "role", "img");
  for (const name of ["band", "line", "dot"]) {
    const path = document.createElementNS(SVG, "path");
    set(path, "class", name);
    svg.append(path);
  }
  return svg;
}

// Draws what is known of a quantity. `every`: seconds between two readings; a longer pause is a gap in the line.
export function drawSparkline(svg, sensor, quantity, every) {
  const points = [...(series.get(`${sensor} ${quantity.name}`) ?? [])].sort(([a], [b]) => a - b);
  const [band, line, dot] = svg.children;
  if (!points.length) {
    set(svg, "aria-label", "nothing measured yet");
    [band, line, dot].forEach((path) => set(path, "d", ""));
    return;
  }
  const low = Math.min(...points.map(([, [value]]) => value));
  const high = Math.max(...points.map(([, [, value]]) => value));
  const range = `: ${valueText(low, quantity)} to ${valueText(high, quantity)} ${quantity.unit}`;
  const shown = quantity.words?.length ? "" : range;
  set(svg, "aria-label", `the last ${reach() || span(width)}${shown}`.trim());
  const count = Math.max(24, newest - oldest + 1); // a young line grows to the right, it is not stretched
  const scale = heights(low, high, quantity);
  const x = (slot) => ((slot - oldest + 0.5) / count) * WIDTH;
  const runs = inRuns(points, Math.max(1, Math.ceil((1.6 * every) / width)));
  set(band, "d", runs.map((run) => bandPath(run, x, scale)).join(""));
  set(line, "d", runs.map((run) => linePath(run, x, scale, Boolean(quantity.words?.length))).join(""));
  const [last, [a, b]] = points.at(-1);
  set(dot, "d", `M${x(last).toFixed(1)} ${scale((a + b) / 2).toFixed(1)}h0`);
}

function heights(low, high, quantity) {
  const last = quantity.words?.length - 1;
  if (last > 0) [low, high] = [0, last];
  const least = last > 0 ? last : FLATTEST * (quantity.step || Math.abs(high) * 1e-4 || 1);
  const middle = (low + high) / 2;
  const half = Math.max(high - low, least) / 2;
  return (value) => HEIGHT / 2 - ((value - middle) / half) * (HEIGHT / 2 - MARGIN);
}

function inRuns(points, bridge) {
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run && point[0] - run.at(-1)[0] <= bridge) run.push(point);
    else runs.push([point]);
  }
  return runs;
}

function bandPath(run, x, scale) {
  if (run.every(([, [low, high]]) => low === high)) return "";
  const above = run.map(([slot, [, high]]) => `${x(slot).toFixed(1)} ${scale(high).toFixed(1)}`);
  const below = run.map(([slot, [low]]) => `${x(slot).toFixed(1)} ${scale(low).toFixed(1)}`).reverse();
  return `M${above.join("L")}L${below.join("L")}Z`;
}

// States change at once; other quantities go from value to value.
function linePath(run, x, scale, steps) {
  let before = null;
  return run.map(([slot, [low, high]]) => {
    const y = scale(steps ? high : (low + high) / 2).toFixed(1);
    const at = x(slot).toFixed(1);
    const path = before == null ? `M${at} ${y}h.1` : steps ? `H${at}V${y}` : `L${at} ${y}`;
    before = y;
    return path;
  }).join("");
}
