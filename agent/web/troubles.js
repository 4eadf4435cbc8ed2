// What needs a person: entries with a key, a level, a title, the same in short, and lines of detail.
import { age, own, plural, quantityName, since, span } from "./words.js";
import { coveredSensors, levelOf } from "./sensors.js";

const RANK = { bad: 0, warn: 1 };

export function troubles(model) {
  const found = [...ofBuses(model), ...ofSensors(model), ...ofDelivery(model.health), ...ofTheRest(model.health)];
  return found.sort((a, b) => RANK[a.level] - RANK[b.level]);
}

function entry(key, level, title, lines) {
  return { key, level, title, short: title.replace(/^(The|Bus) /, (word) => word.toLowerCase()), lines };
}

function* ofBuses({ buses, health }) {
  for (const [name, { message, sensors, since: began }] of Object.entries(buses)) {
    const silent = `${plural(sensors.length, "sensor is", "sensors are")} silent: ${sensors.join(", ")}`;
    const when = since(began) + probes(health, `bus:${name}`);
    yield entry(`bus ${name}`, "bad", `Bus ${name} is stuck`, [message, silent, when]);
  }
}

function* ofSensors(model) {
  const covered = coveredSensors(model);
  for (const [id, sensor] of Object.entries(model.sensors)) {
    const level = levelOf(sensor);
    if (level === "good" || covered.has(id)) continue;
    yield entry(`sensor ${id}`, level, titleOf(id, sensor), reasons(model.health, id, sensor));
  }
}

function titleOf(id, sensor) {
  if (sensor.status === "unknown") return `${id} is not read yet`;
  if (sensor.status === "unavailable") return `${id} is missing`;
  const parts = missingParts(sensor).map((one) => quantityName(one.quantity));
  if (parts.length) return `${id} lacks ${parts.join(", ")}`;
  const doubtful = sensor.readings.filter((one) => one.status !== "ok");
  const [{ status, source }] = doubtful;
  if (doubtful.some((one) => one.status !== status)) return `${id} is doubtful`;
  if (status === "stale") return `${id} shows its last good value`;
  return status === "substituted" ? `${source} stands in for ${id}` : `${id} is ${status}`;
}

function missingParts(sensor) {
  return sensor.faults.filter((one) => one.error !== "BeyondRange");
}

function reasons(health, id, sensor) {
  const lines = missingParts(sensor).map((one) => `${quantityName(one.quantity)}: ${one.error}: ${one.message}`);
  if (sensor.error && !sensor.faults.length) lines.push(`${sensor.error}: ${sensor.message}`);
  for (const one of sensor.readings) if (one.reason) lines.push(`${quantityName(one.quantity)}: ${one.reason}`);
  const when = [
    sensor.since && since(sensor.since),
    sensor.status === "unavailable" && sensor.lastOk && `last value ${age(sensor.lastOk)} ago`,
  ];
  lines.push(when.filter(Boolean).join(" · ") + probes(health, id));
  return lines;
}

function probes(health, name) {
  const breaker = own(health.breakers, name);
  if (!breaker) return "";
  const next = breaker.retryAfter ? `next try in ${span(breaker.retryAfter)}` : "being tried";
  return ` · breaker ${breaker.state.replace("_", "-")}, ${next}`;
}

function* ofDelivery(health) {
  const { broker, outbox } = health;
  if (!broker.connected) {
    const waiting = `${plural(outbox.waiting, "batch waits", "batches wait")} and will be delivered`;
    const when = since(broker.since) + probes(health, "broker");
    yield entry("broker", "bad", "The broker is away", [broker.error, when, outbox.waiting ? waiting : ""]);
  }
  for (const { topic, reason, since: began } of broker.refused ?? []) {
    yield entry(`refused ${topic}`, "warn", `The broker refuses ${topic}`, [reason, `${since(began)} · batches pass`]);
  }
  if (outbox.storage !== "ok") {
    const meanwhile = "Batches wait in memory; the disk is tried again every few seconds.";
    yield entry("storage", "bad", "The disk does not take what should be stored", [meanwhile]);
  }
  if (outbox.dropped) {
    const title = `${plural(outbox.dropped, "batch", "batches")} had to be given up`;
    yield entry("dropped", "warn", title, ["Subscribers are told their numbers."]);
  }
}

function* ofTheRest({ clock, calibration }) {
  if (!clock.synced) {
    const meanwhile = "Times are put right once the network tells the time.";
    yield entry("clock", "warn", "The clock is not synced", [meanwhile]);
  }
  for (const one of calibration?.overdue ?? []) {
    const text = one.replace(".", " ");
    yield entry(`calibration ${text}`, "warn", `Calibration is overdue: ${text}`, []);
  }
}
