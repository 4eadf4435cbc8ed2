// The first start: nothing is configured yet, and what a scan found is shown with the block to paste.
import { byId, element, hide, plural, put, putCode, sync } from "./words.js";

export function showFirst({ info, found }) {
  const first = !info.sensors.length;
  hide(byId("first-section"), !first);
  if (!first) return;
  const { looking, devices = [], problems = [], block = "" } = found ?? {};
  const rows = devices.map((one) => [one.where, one.address, one.behind, one.what]);
  put(byId("first-text"), !found
    ? "No sensor is configured. On this machine: limpet scan --toml prints what is connected."
    : looking ? "No sensor is configured yet. Looking at what is connected, by reading alone …"
    : `No sensor is configured yet. A scan found ${plural(rows.length, "device")}; it changed nothing. `
      + "When you have plugged something in, reload the page to look again.");
  const told = looking ? [] : problems;
  sync(byId("first-problems"), told, (text) => told.indexOf(text), () => element("li"), putCode);
  hide(byId("found-scroll"), !rows.length);
  sync(byId("found").tBodies[0], rows, (row) => row.join(" "),
    () => element("tr", "", element("td"), element("th"), element("td"), element("td")),
    (line, row) => row.forEach((text, index) => put(line.children[index], text)));
  hide(byId("block-box"), !block);
  put(byId("block"), block);
}

// Without https a browser gives a page no clipboard: then the block is selected, for the user to copy.
export async function copyBlock() {
  const block = byId("block");
  getSelection().selectAllChildren(block);
  try {
    await navigator.clipboard.writeText(block.textContent);
    put(byId("copy"), "Copied");
  } catch {
    put(byId("copy"), "Selected: press Ctrl+C");
  }
  setTimeout(() => put(byId("copy"), "Copy the block"), 3000);
}
