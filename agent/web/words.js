// Small tools: elements that change only where their content does, and numbers, times and names for people.

export const MARKS = { good: "✓", warn: "!", bad: "✕" };
const NAMES = {
  co2: "CO₂", eco2: "eCO₂", tvoc: "TVOC", pm1: "PM1", pm2_5: "PM2.5", pm4: "PM4", pm10: "PM10", aqi: "AQI",
  uv_index: "UV index", uva: "UVA", uvb: "UVB", voc_index: "VOC index", nox_index: "NOx index",
  voc_raw: "VOC raw", nox_raw: "NOx raw",
};

export const byId = (id) => document.getElementById(id);

export function element(tag, classes, ...inside) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  made.append(...inside); // text is never taken for HTML
  return made;
}

// Selection and focus stay, and screen readers hear changes only: what is the same is not touched.
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// The same for a message in which commands stand between backticks.
export function putCode(node, text) {
  const parts = text.split("`");
  if (node.textContent === parts.join("")) return;
  node.replaceChildren(...parts.map((part, index) => (index % 2 ? element("code", "", part) : part)));
}

export function set(node, name, value) {
  if (value == null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function hide(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

// Keeps one child of `list` for each item, in their order: made once, updated, and moved only if the order changed.
export function sync(list, items, key, make, update) {
  const known = list.children_by_key ??= new Map();
  const wanted = new Set(items.map(key));
  for (const [name, node] of known) {
    if (!wanted.has(name)) {
      node.remove();
      known.delete(name);
    }
  }
  items.forEach((item, index) => {
    const name = key(item);
    if (!known.has(name)) known.set(name, make(item));
    const node = known.get(name);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
    update(node, item);
  });
}

// What a table has under a name that others chose: `constructor` is nothing that was put there.
export function own(table, name) {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

export function plural(count, noun, nouns = `${noun}s`) {
  return `${count} ${count === 1 ? noun : nouns}`;
}

export function quantityName(name) {
  return own(NAMES, name) ?? name.replace(/(\d)_(\d)/, "$1.$2").replaceAll("_", " ");
}

// A value with the digits that the chip can tell, or the word for its state.
export function valueText(value, quantity) {
  if (quantity.words?.length && Number.isInteger(value) && quantity.words[value]) return quantity.words[value];
  if (quantity.digits == null) return String(value);
  return (Number(value.toFixed(quantity.digits)) || 0).toFixed(quantity.digits); // never -0.0
}

export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

let server = { at: Date.now(), seen: performance.now() };

// The agent's clock counts, not the browser's.
export function agentTime(stamp) {
  server = { at: Date.parse(stamp), seen: performance.now() };
}

function now() {
  return server.at + performance.now() - server.seen;
}

export function age(stamp) {
  return span((now() - Date.parse(stamp)) / 1000);
}

export function lasted(from, to) {
  return span(((to ? Date.parse(to) : now()) - Date.parse(from)) / 1000);
}

export function time(stamp) {
  const at = new Date(stamp);
  const day = at.toDateString() === new Date(now()).toDateString() ? {} : { day: "numeric", month: "short" };
  return at.toLocaleString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", ...day });
}

export function since(stamp) {
  return `since ${time(stamp)} (${age(stamp)})`;
}

export function size(bytes) {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
