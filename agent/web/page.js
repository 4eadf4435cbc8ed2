// The status page: keeps what the agent tells, and shows what a person wants to know.
import { agentTime, byId, put } from "./words.js";
import { forgetHistory, takeHistory } from "./sparkline.js";
import { showSensors } from "./sensors.js";
import { say, showFaults, showStory, showTroubles, showVerdict } from "./story.js";
import { troubles } from "./troubles.js";
import { copyBlock, showFirst } from "./first.js";
import { follow } from "./live.js";

let model = {};

// What is whole replaces everything: it may come from another run of the agent, whose clock began anew.
function take(parts, whole) {
  const { history, ...others } = parts;
  if (whole) forgetHistory();
  if (history) takeHistory(history);
  model = whole ? others : merged(others);
  agentTime(model.health.timestamp);
  document.body.classList.remove("lost");
  try {
    show();
  } catch (error) {
    lost(`this page failed: ${error.message}`); // else it would go on to show what was true before
    throw error;
  }
}

// Of the sensors only those that have changed are told.
function merged(parts) {
  const { info } = { ...model, ...parts };
  const known = Object.entries({ ...model.sensors, ...parts.sensors });
  const ids = new Set(info.sensors.map(({ id }) => id));
  return { ...model, ...parts, sensors: Object.fromEntries(known.filter(([id]) => ids.has(id))) };
}

function show() {
  const found = troubles(model);
  showVerdict(model, found);
  showTroubles(found);
  showFirst(model);
  showSensors(model);
  showStory(model);
  showFaults(model);
}

function lost(why) {
  document.body.classList.add("lost");
  say("bad", "No answer from the agent");
  byId("foot").textContent = `What stands here is old (${why}).`;
}

byId("filter").addEventListener("input", () => model.info && showSensors(model));
byId("copy").addEventListener("click", copyBlock);
put(byId("verdict"), "Asking the agent …");
follow(take, lost);
