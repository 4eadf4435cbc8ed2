// The sensors: a card for each, which stays where the configuration has it; dense from a dozen on.
import { MARKS, age, byId, element, hide, own, plural, put, quantityName, set, sync, valueText } from "./words.js";
import { drawSparkline, makeSparkline, reach } from "./sparkline.js";

const DENSE = 12; // sensors
const WORDS = { unknown: "not read yet", unavailable: "missing", beyond_range: "beyond range" };
// Told in detail elsewhere, or no news.
const PLAIN = new Set(["sensorId", "quantity", "value", "unit", "status", "timestamp", "age", "reason", "source"]);

// The sensors that a stuck bus silences: its card stands for them.
export function coveredSensors(model) {
  const covered = Object.values(model.buses).flatMap((bus) => bus.sensors);
  return new Set(covered.filter((id) => model.sensors[id] && !model.sensors[id].readings.length));
}

// "good", "warn" or "bad". A value beyond the range is an answer, too: nothing is wrong with the sensor.
export function levelOf(sensor) {
  if (sensor.status === "unavailable") return "bad";
  if (sensor.status === "unknown" || sensor.readings.some((one) => one.status !== "ok")) return "warn";
  return sensor.faults.some((one) => one.error !== "BeyondRange") ? "warn" : "good";
}

export function showSensors(model) {
  const covered = coveredSensors(model);
  const all = model.info.sensors;
  const dense = all.length >= DENSE;
  // A reload can take the filter away while something stands in it.
  const wanted = dense ? byId("filter").value.trim().toLowerCase().split(/\s+/) : [];
  const free = all.filter(({ id }) => model.sensors[id] && !covered.has(id));
  const shown = free.filter(({ id }) => wanted.every((word) => searchable(model, id).includes(word)));
  const list = byId("sensors");
  hide(byId("sensors-section"), !all.length);
  hide(byId("filter"), !dense);
  set(list, "class", dense ? "dense" : "");
  const hours = reach();
  put(byId("sensors-note"), [
    shown.length < free.length ? `${shown.length} of ${all.length}` : plural(all.length, "sensor"),
    ...(covered.size ? [`${covered.size} behind a stuck bus`] : []),
    ...(hours ? [`lines: the last ${hours}`] : []),
  ].join(" · "));
  put(byId("no-match"), free.length && !shown.length ? "No sensor matches the filter." : "");
  sync(list, shown, ({ id }) => id, makeCard, (card, one) => updateCard(card, one, model));
}

function searchable(model, id) {
  const sensor = model.sensors[id];
  const { driver } = model.info.sensors.find((one) => one.id === id);
  const names = model.quantities[id].map(({ name }) => name);
  return [id, driver, sensor.bus, statusText(sensor), ...names].join(" ").toLowerCase();
}

function statusText(sensor) {
  if (sensor.status === "partial" && levelOf(sensor) === "good") return "ok";
  return own(WORDS, sensor.status) ?? sensor.status;
}

function makeCard({ id }) {
  const card = element("li", "", element("div", "head", element("h3", "", id), element("span", "driver"),
    element("span", "badge")), element("dl"));
  card.id = `sensor-${id}`;
  card.title = id;
  return card;
}

function updateCard(card, one, model) {
  const sensor = model.sensors[one.id];
  const quantities = model.quantities[one.id];
  const level = levelOf(sensor);
  const [head, values] = card.children;
  set(card, "class", level);
  card.style.setProperty("--rows", quantities.length + (model.info.sensors.length < DENSE ? 1 : 2));
  put(head.children[1], sensor.status === "unavailable" ? lastValue(sensor) : one.driver);
  const badge = head.children[2];
  set(badge, "class", `badge ${level}`);
  put(badge, level === "good" ? statusText(sensor) : `${MARKS[level]} ${statusText(sensor)}`);
  const update = (row, quantity) => updateQuantity(row, quantity, one, sensor);
  sync(values, quantities, ({ name }) => name, makeQuantity, update);
}

function lastValue(sensor) {
  return sensor.lastOk ? `last value ${age(sensor.lastOk)} ago` : "no value since the start";
}

function makeQuantity({ name }) {
  const value = element("dd", "value", element("span", "number"), element("span", "unit"));
  const spark = element("dd", "spark", makeSparkline());
  const title = element("dt", "", quantityName(name));
  title.title = title.textContent; // it may be cut off
  return element("div", "", title, value, spark, element("dd", "tag"));
}

function updateQuantity(row, quantity, one, sensor) {
  const reading = sensor.readings.find((found) => found.quantity === quantity.name);
  const fault = sensor.faults.find((found) => found.quantity === quantity.name);
  const [, value, spark, tag] = row.children;
  const [number, unit] = value.children;
  put(number, reading ? valueText(reading.value, quantity) : "–");
  put(unit, reading ? quantity.unit : "");
  const [text, level, why] = tagOf(reading, fault, sensor);
  put(tag, text);
  set(tag, "class", `tag ${level}`);
  hide(tag, !text);
  set(row, "class", text ? "tagged" : "");
  set(value, "title", [why, ...extras(reading)].filter(Boolean).join("; ") || null);
  drawSparkline(spark.firstChild, one.id, quantity, one.every);
}

// What is to be said of one value: words, level, the reason.
function tagOf(reading, fault, sensor) {
  if (fault?.error === "BeyondRange") return ["beyond range", "plain", fault.message];
  if (!reading) return fault ? ["missing", "warn", fault.message] : ["", "", ""];
  const { status, missed, source, timestamp, reason } = reading;
  if (status === "ok") return missed ? [`${missed} missed`, "plain", "of its window"] : ["", "", ""];
  if (status === "stale") return [`${age(timestamp ?? sensor.measured)} old`, "warn", "the last good value"];
  if (status === "substituted") return [`from ${source}`, "warn", `measured by ${source} instead`];
  return [status, "warn", reason ?? ""];
}

// Whatever else a reading carries, such as the lowest and the highest value of its window.
function extras(reading) {
  return Object.entries(reading ?? {}).filter(([name]) => !PLAIN.has(name)).map(([name, value]) => `${name} ${value}`);
}
