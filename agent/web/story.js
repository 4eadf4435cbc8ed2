// Everything around the sensors: the verdict, what needs attention, how delivery goes, the last faults.
import { MARKS, age, byId, element, hide, lasted, plural, put, putCode, quantityName, set, since, size, span, sync, time } from "./words.js";
import { coveredSensors, levelOf } from "./sensors.js";

const RANK = { bad: 0, warn: 1 };
const LIMITS = {
  retain: () => "retains nothing", will: () => "takes no will",
  maximumQos: (value) => `QoS ${value} at most`, maximumPacketSize: (value) => `packets of ${size(value)} at most`,
};

// What needs a person: entries with a key, a level, a title, a short reason, and lines of detail.
export function troubles(model) {
  const found = [...ofBuses(model), ...ofSensors(model), ...ofDelivery(model)];
  return found.sort((a, b) => RANK[a.level] - RANK[b.level]);
}

function* ofBuses({ buses, health }) {
  for (const [name, bus] of Object.entries(buses)) {
    const silent = plural(bus.sensors.length, "sensor is", "sensors are");
    yield {
      key: `bus ${name}`, level: "bad", title: `Bus ${name} is stuck`, short: `bus ${name} is stuck`,
      lines: [bus.message, `${silent} silent: ${bus.sensors.join(", ")}`, `${since(bus.since)}${probes(health, `bus:${name}`)}`],
    };
  }
}

function* ofSensors(model) {
  const covered = coveredSensors(model);
  for (const [id, sensor] of Object.entries(model.sensors)) {
    const level = levelOf(sensor);
    if (level === "good" || covered.has(id)) continue;
    const entry = { key: `sensor ${id}`, level };
    if (sensor.status === "unknown") yield { ...entry, title: `${id} is not read yet`, short: `${id} is not read yet`, lines: [sensor.message] };
    else if (sensor.status === "unavailable") yield { ...entry, title: `${id} is missing`, short: `${id} is missing`, lines: reasons(model, id, sensor) };
    else yield { ...entry, title: doubts(id, sensor), short: doubts(id, sensor), lines: reasons(model, id, sensor) };
  }
}

function doubts(id, sensor) {
  const parts = sensor.faults.filter((one) => one.error !== "BeyondRange").map((one) => quantityName(one.quantity));
  if (parts.length) return `${id} lacks ${parts.join(", ")}`;
  const doubtful = sensor.readings.filter((one) => one.status !== "ok");
  const [{ status, source }] = doubtful;
  if (doubtful.some((one) => one.status !== status)) return `${id} is doubtful`;
  if (status === "stale") return `${id} shows its last good value`;
  return status === "substituted" ? `${source} stands in for ${id}` : `${id} is ${status}`;
}

function reasons(model, id, sensor) {
  const lines = sensor.faults.filter((one) => one.error !== "BeyondRange").map((one) => `${quantityName(one.quantity)}: ${one.error}: ${one.message}`);
  if (sensor.error && !sensor.faults.length) lines.push(`${sensor.error}: ${sensor.message}`);
  for (const one of sensor.readings) if (one.reason) lines.push(`${quantityName(one.quantity)}: ${one.reason}`);
  const when = [sensor.since && since(sensor.since), sensor.status === "unavailable" && sensor.lastOk && `last value ${age(sensor.lastOk)} ago`];
  lines.push(`${when.filter(Boolean).join(" · ")}${probes(model.health, id)}`);
  return lines;
}

function probes(health, name) {
  const breaker = health.breakers[name];
  if (!breaker) return "";
  const next = breaker.retryAfter ? `, next try in ${span(breaker.retryAfter)}` : ", being tried";
  return ` · breaker ${breaker.state.replace("_", "-")}${next}`;
}

function* ofDelivery({ health }) {
  const { broker, outbox, clock, calibration } = health;
  if (!broker.connected) {
    yield { key: "broker", level: "bad", title: "The broker is away", short: "the broker is away",
      lines: [broker.error, `${since(broker.since)}${probes(health, "broker")}`, `${plural(outbox.waiting, "batch waits", "batches wait")} and will be delivered`] };
  }
  for (const { topic, reason, since: began } of broker.refused ?? []) {
    yield { key: `refused ${topic}`, level: "warn", title: `The broker refuses ${topic}`, short: `the broker refuses ${topic}`,
      lines: [reason, `${since(began)} · batches pass`] };
  }
  if (outbox.storage !== "ok") {
    yield { key: "storage", level: "bad", title: "The disk does not take what should be stored", short: "the disk fails",
      lines: ["Batches wait in memory; the disk is tried again every few seconds."] };
  }
  if (outbox.dropped) yield { key: "dropped", level: "warn", title: `${plural(outbox.dropped, "batch", "batches")} had to be given up`, short: `${outbox.dropped} given up`, lines: ["Declared to subscribers as gaps."] };
  if (!clock.synced) yield { key: "clock", level: "warn", title: "The clock is not synced", short: "the clock is not synced", lines: ["Times are put right once the network tells the time."] };
  for (const one of calibration?.overdue ?? []) {
    const text = typeof one === "string" ? one : Object.values(one).join(" ");
    yield { key: `calibration ${text}`, level: "warn", title: `Calibration is overdue: ${text}`, short: `calibration of ${text} is overdue`, lines: [] };
  }
}

export function showTroubles(found) {
  hide(byId("attention-section"), !found.length);
  sync(byId("attention"), found, ({ key }) => key,
    () => element("li", "", element("h3"), element("ul")),
    (item, { level, title, lines }) => {
      set(item, "class", level);
      put(item.firstChild, `${MARKS[level]} ${title}`);
      sync(item.lastChild, lines.filter(Boolean), (line) => lines.indexOf(line), () => element("li"), putCode);
    });
}

export function showVerdict(model, found) {
  const { info, health } = model;
  const bad = found.filter(({ level }) => level === "bad");
  const missing = bad.filter(({ key }) => key.startsWith("sensor "));
  let text = "All is well";
  if (bad.length > 1 && bad.length === missing.length) text = `${missing.length} sensors are missing`;
  else if (bad.length > 2) text = `${bad[0].title}, and ${bad.length - 1} more faults`;
  else if (bad.length) text = [bad[0].title, ...bad.slice(1).map(({ short }) => short)].join(", ");
  else if (found.length === 1) text = found[0].title;
  else if (found.length) text = `Works, with ${plural(found.length, "remark")}`;
  else if (!info.sensors.length) text = "Runs, without a sensor";
  say(bad.length ? "bad" : found.length || !info.sensors.length ? "warn" : "good", text);
  put(byId("device"), [info.deviceId, info.host.model].filter(Boolean).join(" · "));
  hide(byId("simulated"), !info.simulated);
  const { broker, outbox, clock, process } = health;
  const facts = [
    [broker.connected, "broker", broker.connected ? "connected" : "away"],
    [outbox.storage === "ok", "outbox", outbox.waiting > 1 ? `${outbox.waiting} waiting` : "empty"],
    [clock.synced, "clock", clock.synced ? "synced" : "not synced"],
    [true, "up", span(process.uptime)],
  ];
  sync(byId("facts"), facts, ([, name]) => name, ([, name]) => element("li", "", element("span", "", name), element("strong")),
    (item, [well, , value]) => {
      set(item, "class", well ? "" : "bad");
      put(item.lastChild, value);
    });
}

export function say(level, text) {
  set(byId("top"), "class", level);
  put(byId("mark"), MARKS[level]);
  put(byId("verdict"), text);
  const title = `${MARKS[level]} ${text}`;
  if (document.title !== title) document.title = title;
}

// Facts of the card behind them: a list of [name, value]; what is not known is left out.
export function showStory({ health, info }) {
  const { broker, outbox, clock, rounds, process } = health;
  const written = process.written == null || process.uptime < 60 ? null : `${size((process.written / process.uptime) * 86400)} a day`;
  const cards = [
    ["Broker", broker.connected ? "connected" : "away", !broker.connected ? "bad" : broker.refused?.length ? "warn" : "good", [
      ["since", `${time(broker.since)} (${age(broker.since)})`], ["error", broker.error], ["sessions", broker.sessions],
      ["MQTT", broker.version], ["limits", limits(broker.limits)],
      ...(broker.refused ?? []).map((one) => ["refuses", `${one.topic}: ${one.reason}, ${since(one.since)}`]),
    ]],
    ["Outbox", outbox.storage !== "ok" ? "disk fails" : outbox.waiting > 1 ? `${outbox.waiting} waiting` : "empty",
      outbox.storage !== "ok" ? "bad" : outbox.waiting > 1 || outbox.dropped ? "warn" : "good", [
        ["waiting", outbox.waiting ? `${plural(outbox.waiting, "batch", "batches")}, ${size(outbox.bytes)}` : "nothing"], ["oldest", outbox.oldest && `${age(outbox.oldest)} old`],
        ["given up", outbox.dropped], ["refused", outbox.refused || null], ["without a subscriber", outbox.unheard || null], ["durability", outbox.durability],
      ]],
    ["Rounds", `${rounds.finished} finished`, "good", [["late", rounds.late], ["skipped", rounds.skipped]]],
    ["Device", `up ${span(process.uptime)}`, "good", [
      ["memory", size(process.rss)], ["CPU", `${((100 * process.cpu) / Math.max(1, process.uptime)).toFixed(1)} %`], ["card writes", written],
      ["clock", clock.synced ? "synced" : "not synced"], ["system", info.host.system],
    ]],
  ];
  sync(byId("story"), cards, ([title]) => title,
    ([title]) => element("li", "", element("div", "head", element("h3", "", title), element("span", "badge")), element("dl")),
    (card, [, mark, level, facts]) => {
      set(card, "class", level);
      set(card.firstChild.lastChild, "class", `badge ${level}`);
      put(card.firstChild.lastChild, level === "good" ? mark : `${MARKS[level]} ${mark}`);
      const known = facts.filter(([, value]) => value != null && value !== "");
      sync(card.lastChild, known, (fact) => `${known.indexOf(fact)} ${fact[0]}`,
        ([name]) => element("div", "", element("dt", "", name), element("dd")), (row, [, value]) => put(row.lastChild, String(value)));
    });
  const told = new Date(health.timestamp);
  put(byId("foot"), `Limpet ${info.version} · as of ${time(told)}`);
}

function limits(found) {
  return Object.entries(found ?? {}).map(([name, value]) => LIMITS[name]?.(value) ?? `${name}: ${value}`).join(", ");
}

export function showFaults({ faults }) {
  hide(byId("faults-section"), !faults.length);
  sync(byId("faults").tBodies[0], faults, (one) => `${one.name} ${one.quantity} ${one.began}`,
    () => element("tr", "", element("td", "", element("time")), element("td"), element("th"), element("td")),
    (row, one) => {
      const [began, length, name, why] = row.children;
      set(began.firstChild, "datetime", one.began);
      put(began.firstChild, time(one.began));
      put(length, one.ended ? lasted(one.began, one.ended) : `${lasted(one.began)}, still`);
      set(row, "class", one.ended ? null : "bad");
      set(name, "scope", "row");
      put(name, one.name.replace("bus:", "bus ") + (one.quantity ? ` ${quantityName(one.quantity)}` : ""));
      putCode(why, [one.error, one.message].filter(Boolean).join(": "));
    });
}
