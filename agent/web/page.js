// The status page: fetches the agent's documents every two seconds and shows what a person wants to know.
"use strict";

const EVERY = 2000; // milliseconds
const MARKS = { good: "✓", warn: "!", bad: "✕" };
const BREAKERS = { closed: "good", half_open: "warn", open: "bad" };

function element(tag, classes, ...inside) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  made.append(...inside); // text is never taken for HTML
  return made;
}

function badge(level, text) {
  return element("span", `badge ${level}`, `${MARKS[level]} ${text}`);
}

function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

function ago(stamp, now) {
  return stamp ? `${span((Date.parse(now) - Date.parse(stamp)) / 1000)} ago` : "never";
}

function since(stamp, now) {
  return stamp ? `since ${new Date(stamp).toLocaleTimeString()} (${ago(stamp, now)})` : "since the start";
}

function size(bytes) {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function plural(count, noun, nouns) {
  return `${count} ${count === 1 ? noun : nouns}`;
}

function card(level, title, mark, facts, note) {
  const rows = facts.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", String(value))]);
  const made = element("li", level, element("div", "head", element("h3", "", title), badge(level, mark)));
  if (rows.length) made.append(element("dl", "", ...rows));
  if (note) made.append(element("p", "note", note));
  return made;
}

function sensorCard(one, state, health) {
  const present = state.sensors[one.id] || { status: "unavailable" };
  const known = health.sensors[one.id] || {};
  const missing = present.status === "unavailable";
  const waits = missing && known.status === "unknown";
  const level = waits ? "warn" : missing ? "bad" : isWell(present, known) ? "good" : "warn";
  const facts = missing ? [] : one.quantities.map((q) => [
    q.name.replaceAll("_", " "),
    present[q.name] == null ? "–" : `${present[q.name]} ${q.unit}`.trim(),
  ]);
  let note = "";
  if (known.error) note = `${known.error} — ${since(known.since, health.timestamp)}`;
  if (missing && known.lastOk) note += `; last good ${ago(known.lastOk, health.timestamp)}`;
  return [level, card(level, one.id, waits ? "not read yet" : missing ? "missing" : present.status.replace("_", " "), facts, note)];
}

// Beyond its range is an answer, too: nothing is wrong with the sensor.
function isWell(present, known) {
  const beyond = present.status === "partial" && (known.error || "").startsWith("BeyondRange");
  return beyond || ["ok", "beyond_range"].includes(present.status);
}

function agentCards(health) {
  const { broker, outbox, clock, rounds, process, timestamp } = health;
  const stored = outbox.storage === "ok";
  const lost = outbox.dropped > 0;
  const cards = [
    card(broker.connected ? "good" : "bad", "Broker", broker.connected ? "connected" : "away", [],
      `${since(broker.since, timestamp)}${broker.error ? `: ${broker.error}` : ""}`),
    card(!stored || lost ? "bad" : outbox.waiting ? "warn" : "good", "Outbox",
      !stored ? "disk fails" : lost ? "lost some" : outbox.waiting ? "waiting" : "empty",
      [["waiting", outbox.waiting], ["size", size(outbox.bytes)], ["given up", outbox.dropped]],
      outbox.oldest ? `oldest ${ago(outbox.oldest, timestamp)}` : ""),
    card(clock.synced ? "good" : "warn", "Clock", clock.synced ? "synced" : "not synced", [],
      clock.synced ? "" : "times are put right once the network tells the time"),
    card(rounds.skipped ? "warn" : "good", "Rounds", plural(rounds.finished, "round", "rounds"),
      [["late", rounds.late], ["skipped", rounds.skipped]], ""),
    card("good", "Process", `up ${span(process.uptime)}`, [["memory", size(process.rss)], ["CPU", `${process.cpu} s`]], ""),
  ];
  return cards;
}

function breakerChips(health) {
  const rank = { open: 0, half_open: 1, closed: 2 };
  return Object.entries(health.breakers)
    .sort(([, a], [, b]) => rank[a.state] - rank[b.state])
    .map(([name, one]) => {
      const retry = one.retryAfter == null ? "" : `, probes in ${span(one.retryAfter)}`;
      return element("li", "", `${name} `, badge(BREAKERS[one.state], one.state.replace("_", " ") + retry));
    });
}

function verdict(levels, state, health) {
  const reasons = [];
  const missing = state.unavailableSensors;
  const doubtful = Object.entries(state.sensors)
    .filter(([id, s]) => s.status !== "unavailable" && !isWell(s, health.sensors[id] || {}));
  if (missing.length) reasons.push(`missing: ${missing.join(", ")}`);
  if (doubtful.length) reasons.push(doubtful.map(([id, s]) => `${id} is ${s.status}`).join(", "));
  if (!health.broker.connected) reasons.push(`broker away, ${plural(health.outbox.waiting, "batch waits", "batches wait")}`);
  if (health.outbox.storage !== "ok") reasons.push("the disk does not take what should be stored");
  if (health.outbox.dropped) reasons.push(`${plural(health.outbox.dropped, "batch", "batches")} given up`);
  if (!health.clock.synced) reasons.push("clock not synced");
  const bad = levels.includes("bad") || !health.broker.connected || health.outbox.storage !== "ok";
  const level = bad ? "bad" : reasons.length ? "warn" : "good";
  let text = "All is well";
  if (missing.length) text = plural(missing.length, "sensor is missing", "sensors are missing");
  else if (!health.broker.connected) text = "The broker is away";
  else if (reasons.length) text = "Works, with a but";
  return [level, text, reasons];
}

function say(level, text, reasons) {
  document.querySelector("header").className = level;
  const title = document.getElementById("verdict");
  const full = `${MARKS[level]} ${text}`;
  if (title.textContent !== full) title.textContent = full; // a screen reader hears changes only
  document.getElementById("reasons").textContent = reasons.join(" · ");
  document.title = full;
}

function show(health, state, info) {
  const sensors = info.sensors.map((one) => sensorCard(one, state, health));
  const order = { bad: 0, warn: 1, good: 2 };
  sensors.sort(([a], [b]) => order[a] - order[b]);
  document.getElementById("device").textContent =
    `${info.deviceId} · ${info.host.model}${info.simulated ? " · simulated, nothing here was measured" : ""}`;
  document.getElementById("sensors").replaceChildren(...sensors.map(([, made]) => made));
  document.getElementById("rest").replaceChildren(...agentCards(health));
  document.getElementById("breakers").replaceChildren(...breakerChips(health));
  document.getElementById("foot").textContent =
    `Limpet ${info.version} · as of ${new Date(state.timestamp).toLocaleTimeString()} · asks again every ${EVERY / 1000} s`;
  document.body.classList.remove("lost");
  say(...verdict(sensors.map(([level]) => level), state, health));
}

async function fetched(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function refresh() {
  try {
    show(...await Promise.all(["/health.json", "/state.json", "/info.json"].map(fetched)));
  } catch (error) {
    document.body.classList.add("lost");
    say("bad", "No answer from the agent", [`what stands below is old (${error.message})`]);
  }
  setTimeout(refresh, EVERY);
}

refresh();
