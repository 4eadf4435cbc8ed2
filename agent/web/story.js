// Everything around the sensors: the verdict, what needs attention, how delivery goes, the last faults.
import {
  MARKS, age, byId, element, hide, lasted, own, plural, put, putCode, quantityName, set, since, size, span, sync, time,
} from "./words.js";

const LIMITS = {
  retain: () => "retains nothing", will: () => "takes no will",
  maximumQos: (value) => `QoS ${value} at most`, maximumPacketSize: (value) => `packets of ${size(value)} at most`,
};

export function showVerdict({ info, health }, found) {
  say(...verdict(info, found));
  put(byId("device"), [info.deviceId, info.host.model].filter(Boolean).join(" · "));
  hide(byId("simulated"), !info.simulated);
  const { broker, outbox, clock, process } = health;
  const facts = [
    [broker.connected, "broker", broker.connected ? "connected" : "away"],
    [outbox.storage === "ok", "outbox", outbox.waiting > 1 ? `${outbox.waiting} waiting` : "empty"],
    [clock.synced, "clock", clock.synced ? "synced" : "not synced"],
    [true, "up", span(process.uptime)],
  ];
  sync(byId("facts"), facts, ([, name]) => name,
    ([, name]) => element("li", "", element("span", "", name), element("strong")),
    (item, [well, , value]) => {
      set(item, "class", well ? "" : "bad");
      put(item.lastChild, value);
    });
}

function verdict(info, found) {
  const bad = found.filter(({ level }) => level === "bad");
  const [first, ...others] = bad;
  const ofSensors = bad.every(({ key }) => key.startsWith("sensor "));
  if (others.length && ofSensors) return ["bad", `${bad.length} sensors are missing`];
  if (others.length > 1) return ["bad", `${first.title}, and ${others.length} more faults`];
  if (first) return ["bad", [first.title, ...others.map(({ short }) => short)].join(", ")];
  if (found.length > 1) return ["warn", `Works, with ${found.length} remarks`];
  if (found.length) return ["warn", found[0].title];
  return info.sensors.length ? ["good", "All is well"] : ["warn", "Runs, without a sensor"];
}

export function say(level, text) {
  set(byId("top"), "class", level);
  put(byId("mark"), MARKS[level]);
  put(byId("verdict"), text);
  const title = `${MARKS[level]} ${text}`;
  if (document.title !== title) document.title = title;
}

export function showTroubles(found) {
  hide(byId("attention-section"), !found.length);
  sync(byId("attention"), found, ({ key }) => key,
    () => element("li", "", element("h3"), element("ul")),
    (item, { level, title, lines }) => {
      set(item, "class", level);
      put(item.firstChild, `${MARKS[level]} ${title}`);
      const told = lines.filter(Boolean);
      sync(item.lastChild, told, (line) => told.indexOf(line), () => element("li"), putCode);
    });
}

export function showStory({ health, info }) {
  const cards = [brokerCard(health), outboxCard(health), roundsCard(health), deviceCard(health, info)];
  const head = (title) => element("div", "head", element("h3", "", title), element("span", "badge"));
  hide(byId("story-section"), false);
  sync(byId("story"), cards, ({ title }) => title, ({ title }) => element("li", "", head(title), element("dl")),
    (card, { level, mark, facts }) => {
      const [top, list] = card.children;
      set(card, "class", level);
      set(top.lastChild, "class", `badge ${level}`);
      put(top.lastChild, level === "good" ? mark : `${MARKS[level]} ${mark}`);
      const known = facts.filter(([, value]) => value != null && value !== "");
      sync(list, known, ([name, , which = name]) => which,
        ([name]) => element("div", "", element("dt", "", name), element("dd")),
        (row, [, value]) => put(row.lastChild, String(value)));
    });
  put(byId("foot"), `Limpet ${info.version} · as of ${time(health.timestamp)}`);
}

function brokerCard({ broker }) {
  const lacking = Object.entries(broker.limits ?? {});
  const limits = lacking.map(([name, value]) => own(LIMITS, name)?.(value) ?? `${name}: ${value}`);
  return {
    title: "Broker",
    level: !broker.connected ? "bad" : broker.refused?.length ? "warn" : "good",
    mark: broker.connected ? "connected" : "away",
    facts: [
      ["since", `${time(broker.since)} (${age(broker.since)})`], ["error", broker.error], ["sessions", broker.sessions],
      ["MQTT", broker.version], ["limits", limits.join(", ")],
      ...(broker.refused ?? []).map((one) => ["refuses", `${one.topic}: ${one.reason}, ${since(one.since)}`, one.topic]),
    ],
  };
}

function outboxCard({ outbox }) {
  const fails = outbox.storage !== "ok";
  return {
    title: "Outbox",
    level: fails ? "bad" : outbox.waiting > 1 || outbox.dropped ? "warn" : "good",
    mark: fails ? "disk fails" : outbox.waiting > 1 ? `${outbox.waiting} waiting` : "empty",
    facts: [
      ["waiting", outbox.waiting ? `${plural(outbox.waiting, "batch", "batches")}, ${size(outbox.bytes)}` : "nothing"],
      ["oldest", outbox.oldest && `${age(outbox.oldest)} old`], ["given up", outbox.dropped],
      ["refused", outbox.refused || null], ["without a subscriber", outbox.unheard || null],
      ["durability", outbox.durability],
    ],
  };
}

function roundsCard({ rounds }) {
  const facts = [["late", rounds.late], ["skipped", rounds.skipped]];
  return { title: "Rounds", level: "good", mark: `${rounds.finished} finished`, facts };
}

function deviceCard({ clock, process }, { host }) {
  const up = Math.max(1, process.uptime);
  const written = process.written == null || up < 60 ? null : `${size((process.written / up) * 86400)} a day`;
  return {
    title: "Device",
    level: "good",
    mark: `up ${span(process.uptime)}`,
    facts: [
      ["memory", size(process.rss)], ["CPU", `${((100 * process.cpu) / up).toFixed(1)} %`], ["card writes", written],
      ["clock", clock.synced ? "synced" : "not synced"], ["system", host.system],
    ],
  };
}

export function showFaults({ faults }) {
  hide(byId("faults-section"), !faults.length);
  sync(byId("faults").tBodies[0], faults, (one) => `${one.name} ${one.quantity} ${one.began}`,
    () => element("tr", "", element("td", "", element("time")), element("td"), element("th"), element("td")),
    (row, one) => {
      const [began, length, name, why] = row.children;
      set(row, "class", one.ended ? null : "bad");
      set(began.firstChild, "datetime", one.began);
      put(began.firstChild, time(one.began));
      put(length, one.ended ? lasted(one.began, one.ended) : `${lasted(one.began)}, still`);
      set(name, "scope", "row");
      put(name, one.name.replace("bus:", "bus ") + (one.quantity ? ` ${quantityName(one.quantity)}` : ""));
      putCode(why, [one.error, one.message].filter(Boolean).join(": "));
    });
}
