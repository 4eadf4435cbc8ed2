"""Draws the pictures of Home Assistant: a device as it announced itself, and a day that arrived late.

LIMPET_HOME_ASSISTANT=VENV python deploy/pictures/home_assistant.py [FOLDER]; `sh tests/system/home_assistant.sh` makes
the venv. Needs mosquitto and Chromium, too. Home Assistant, its database and its frontend are the real ones; the device
has fake chips below true drivers. Its day without a broker passes in virtual time, then it is delivered.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "agent"), str(ROOT / "tests" / "system")]

from home_assistant_rig import CLIENT, HISTORY, HomeAssistant  # noqa: E402
from true_device import Device, free_port, wait  # noqa: E402
from whole import VirtualClock, whole  # noqa: E402

from agent.broker import BrokerLost  # noqa: E402
from agent.simulation.broker import SimBroker  # noqa: E402
from agent.simulation.machine import SimulatedMachine  # noqa: E402
from agent.simulation.scenario import Curve, Scenario  # noqa: E402
from agent.simulation.virtual import VirtualRunner  # noqa: E402
from tests.chromium import Chromium  # noqa: E402

SENSORS = """
[[sensor]]
id = "air"
driver = "bme280"
[[sensor]]
id = "light"
driver = "bh1750"
[[sensor]]
id = "tank"
driver = "vl53l0x"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
"""
TROUBLE = '[[fault]]\nat = "0s"\nsensor = "tank"\nkind = "unplugged"\n'
AIR = "sensor.greenhouse_1_air_temperature"
HOUR = 3600.0
DAY = """
[agent]
device_id = "greenhouse-1"
every = "1m"
[outbox]
durability = "memory"
[[sensor]]
id = "air"
driver = "bme280"
"""
# Everything that the frontend draws is in shadow roots: its text, all of them included.
TEXT = """(function all(node) {
  return [...node.childNodes].map((one) => one.nodeType === 3 ? one.data
    : (one.shadowRoot ? all(one.shadowRoot) : "") + all(one)).join(" "); })(document.body)"""


async def a_day_without_a_broker(ends: float) -> bytes:
    """Return what a device delivers after a day, a message a line; the day ends at this POSIX time."""
    broker = SimBroker()
    broker.refuses = BrokerLost("connection refused")
    VirtualClock.offset = lambda _: ends - 24 * HOUR  # type: ignore[method-assign]
    # The recipe leaves out what says that it was simulated.
    SimulatedMachine.simulated = False
    async with whole(DAY, broker=broker) as home:
        curves = {"temperature": Curve(mean=21.0, swing=6.0, period=24 * HOUR, phase=0.4)}
        home.machine.play(Scenario(weather={"air": curves}))
        await home.settle(24 * HOUR)
        broker.refuses = None
        await home.settle(600.0)
    return b"\n".join(one.payload for one in broker.received if one.name == "backfill")


@contextmanager
def surroundings(folder: Path) -> Iterator[tuple[HomeAssistant, Device, int]]:
    """A broker, a Home Assistant and a device that runs; also the broker's port."""
    with ExitStack() as stack:
        port, quiet = free_port(), {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # A day comes within a second here, an agent takes its time for it.
        (folder / "mosquitto.conf").write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
        )
        broker = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(folder / "mosquitto.conf")], **quiet)
        stack.callback(broker.wait)
        stack.callback(broker.terminate)
        for name in ("home", "device"):
            (folder / name).mkdir()
        home = HomeAssistant(Path(os.environ["LIMPET_HOME_ASSISTANT"]), folder / "home")
        stack.callback(home.stop)
        home.start()
        home.onboard()
        home.furnish()
        home.connect(port)
        device = Device(folder / "device", port)
        stack.callback(device.stop)
        device.configure(SENSORS)
        device.start()
        wait(lambda: home.state(AIR) not in (None, "unavailable", "unknown"))
        yield home, device, port


def log_in(browser: Chromium, home: HomeAssistant) -> None:
    """Give the frontend what it keeps of a login, and take away its sidebar."""
    browser.open(f"{home.url}/manifest.json")
    tokens = {"hassUrl": home.url, "clientId": CLIENT, "expires": int((time.time() + HOUR) * 1000), **home.tokens}
    for key, value in (("hassTokens", json.dumps(tokens)), ("dockedSidebar", '"always_hidden"')):
        browser.evaluate(f"localStorage.setItem({json.dumps(key)}, {json.dumps(value)})")


def shot(browser: Chromium, url: str, file: Path, size: tuple[int, int], shows: str, width: int | None = None) -> None:
    """Write a picture of a page as soon as it shows a text; of its left side, if that has a width."""
    browser.open(url, *size)
    wait(lambda: shows in browser.evaluate(TEXT))
    # Its animations take less than that.
    time.sleep(3.0)
    clip = {"x": 0, "y": 0, "width": width or size[0], "height": size[1], "scale": 1}
    found = browser.call("Page.captureScreenshot", {"format": "png", "clip": clip})
    file.write_bytes(base64.b64decode(found["data"]))


def deliver_a_day(home: HomeAssistant, port: int, folder: Path) -> None:
    """Let a day of history reach the statistics through the recipe."""
    words = [home.python, HISTORY, "--host", "127.0.0.1", "--port", str(port), "--url", home.url, "--every", "1"]
    with VirtualRunner() as runner:
        day = runner.run(a_day_without_a_broker(time.time() // HOUR * HOUR))
    bringing = subprocess.Popen(words, cwd=folder, env={**os.environ, "HASS_TOKEN": home.token})
    try:
        wait((folder / "limpet-history.db").exists)
        time.sleep(2.0)
        words = ["mosquitto_pub", "-p", str(port), "-q", "1", "-t", "limpet/greenhouse-1/backfill", "-l"]
        subprocess.run(words, input=day, check=True)
        wait(lambda: len(statistics(home)) >= 24, 60)
    finally:
        bringing.terminate()
        bringing.wait()


def statistics(home: HomeAssistant) -> list[object]:
    """Return the hours of air temperature that Home Assistant has."""
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 48 * HOUR))
    asked = {"start_time": start, "period": "hour", "statistic_ids": [AIR]}
    return home.ask("recorder/statistics_during_period", **asked).get(AIR, [])


def dashboard(home: HomeAssistant) -> None:
    """Make a dashboard with one graph of the last day."""
    card = {
        "type": "statistics-graph",
        "title": "A day that arrived late",
        "entities": [AIR],
        "days_to_show": 1,
        "period": "hour",
        "stat_types": ["mean", "min", "max"],
    }
    home.ask("lovelace/config/save", config={"views": [{"title": "Greenhouse", "panel": True, "cards": [card]}]})


def draw(folder: Path) -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as scratch, surroundings(Path(scratch)) as (home, device, port):
        device.play(TROUBLE)
        wait(lambda: home.state("binary_sensor.greenhouse_1_breaker_tank") == "on")
        registry = home.ask("config/device_registry/list")
        ours = next(one["id"] for one in registry if one["name"] == "greenhouse-1")
        deliver_a_day(home, port, Path(scratch))
        dashboard(home)
        with Chromium() as browser:
            log_in(browser, home)
            page = f"{home.url}/config/devices/device/{ours}"
            shot(browser, page, folder / "home-assistant-device.png", (880, 1330), "breaker tank", 588)
            page = f"{home.url}/lovelace/0"
            shot(browser, page, folder / "home-assistant-history.png", (900, 480), "A day that arrived late")


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
