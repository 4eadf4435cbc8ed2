// The status page: keeps what the agent tells, and shows what a person wants to know.
import { agentTime, byId } from "./words.js";
import { takeHistory } from "./sparkline.js";
import { showSensors } from "./sensors.js";
import { say, showFaults, showStory, showTroubles, showVerdict, troubles } from "./story.js";
import { copyBlock, showFirst } from "./first.js";
import { follow } from "./live.js";

const model = {};

function take(parts) {
  const { history, ...others } = parts;
  if (history) takeHistory(history);
  Object.assign(model, others);
  agentTime(model.health.timestamp);
  document.body.classList.remove("lost");
  show();
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

byId("filter").addEventListener("input", () => showSensors(model));
byId("copy").addEventListener("click", copyBlock);
follow(take, lost);
