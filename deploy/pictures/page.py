"""Draws the pictures of the status page: desk and phone, light and dark, well and in trouble.

python deploy/pictures/page.py draws those that the documentation shows; with a FOLDER, all of them, to look at. Needs
the extra `test`, and Chromium. The agent and its drivers are real, the chips are simulated, and hours pass in seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "agent")]

from paced import PacedAgent  # noqa: E402
from whole import Whole  # noqa: E402

from agent.broker import BrokerLost  # noqa: E402
from agent.cli.finding import finding  # noqa: E402
from agent.simulation.scenario import Curve, Scenario, ScenarioFault  # noqa: E402
from tests.chromium import Chromium  # noqa: E402

HEAD = """
[agent]
device_id = "greenhouse-1"
[outbox]
durability = "memory"
"""
SENSORS = """
[[sensor]]
id = "air"
driver = "bme280"
[[sensor]]
id = "breath"
driver = "scd4x"
every = "30s"
timeout = "8s"
[[sensor]]
id = "light"
driver = "bh1750"
[[sensor]]
id = "supply"
driver = "ina219"
[[sensor]]
id = "tank"
driver = "vl53l0x"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
"""
HOUR = 3600.0
LIVED = 6.5 * HOUR
SHORT = 0.25 * HOUR
# Sensor -> quantity -> mean, swing, hours of a period, phase.
WEATHER = {
    "air": {"temperature": (21.4, 3.1, 9, 0.6), "humidity": (58.0, 9.0, 8, 0.1), "pressure": (1013.2, 1.9, 14, 0.2)},
    "breath": {"co2": (640.0, 180.0, 5, 0.5), "temperature": (22.0, 2.4, 9, 0.6), "humidity": (55.0, 8.0, 8, 0.1)},
    "light": {"illuminance": (5200.0, 4100.0, 12, 0.8)},
    "supply": {"bus_voltage": (12.4, 0.35, 7, 0.3), "shunt_voltage": (0.042, 0.02, 2, 0.0)},
    "tank": {"distance": (412.0, 130.0, 10, 0.9)},
    "door": {"state": (0.6, 1.0, 3.1, 0.4)},
}
FIFTY = ("bme280", "sht4x", "tmp117", "bh1750", "ina219", "mcp9808", "vl53l0x", "scd4x", "htu21d", "bmp280")


def weather() -> dict[str, dict[str, Curve]]:
    """Return curves of hours, as outdoors."""
    return {
        sensor: {
            name: Curve(mean=mean, swing=swing, period=hours * HOUR, phase=phase)
            for name, (mean, swing, hours, phase) in quantities.items()
        }
        for sensor, quantities in WEATHER.items()
    }


def fifty() -> str:
    """Return fifty sensors behind the channels of multiplexers, on five buses."""
    tables = []
    for number in range(50):
        driver, bus, channel = FIFTY[number % 10], 1 + number // 10, number % 8
        slow = 'every = "30s"\ntimeout = "8s"\n' if driver == "scd4x" else ""
        mux = f"mux = {{ address = 0x{0x72 + (number % 10) // 8:02x}, channel = {channel} }}\n"
        tables.append(f'[[sensor]]\nid = "{driver}-{bus}"\ndriver = "{driver}"\nbus = {bus}\n{mux}{slow}')
    return "\n".join(tables)


def plays(*faults: ScenarioFault) -> Callable[[Whole], None]:
    """Return what lets these faults happen, in gentle weather."""
    return lambda home: home.machine.play(Scenario(seed=7, weather=weather(), faults=faults))


def trouble() -> tuple[ScenarioFault, ...]:
    """Return a day on which something happened, and something still does."""
    return (
        ScenarioFault(kind="unplugged", sensor="light", at=2.0 * HOUR, lasts=1500.0),
        ScenarioFault(kind="flaky", sensor="supply", rate=0.9, at=4.0 * HOUR, lasts=900.0),
        ScenarioFault(kind="unplugged", sensor="tank", at=LIVED - 400.0),
    )


def away(home: Whole) -> None:
    """Let the broker go away."""
    home.broker.refuses = BrokerLost("connection refused")
    home.broker.cut()


def draw(folder: Path, names: Sequence[str] = ()) -> None:
    """Write these pictures, or all."""
    with Chromium() as browser:

        def shots(name: str, url: str) -> None:
            for kind, (width, height), dark in KINDS:
                if names and f"{name}-{kind}" not in names:
                    continue
                browser.open(url, width, height, dark=dark)
                browser.wait_for("document.querySelector('#story h3')")
                browser.screenshot(folder / f"page-{name}-{kind}.webp")
            assert not browser.errors, browser.errors

        with PacedAgent(HEAD + SENSORS, LIVED, plays()) as home:
            shots("well", home.url)
        with PacedAgent(HEAD + SENSORS, LIVED, plays(*trouble())) as home:
            home.do(away)
            home.forward(95.0)
            shots("trouble", home.url)
        stuck = ScenarioFault(kind="stuck", bus="i2c-3", at=SHORT - 240.0)
        with PacedAgent(HEAD + fifty(), SHORT, plays(stuck)) as home:
            shots("fifty", home.url)
        with PacedAgent(HEAD, 5.0, find=partial(finding, simulate=True)) as home:
            browser.open(home.url)
            browser.wait_for("!document.querySelector('#block-box').hidden")
            shots("first", home.url)


KINDS = (
    ("desk", (1280, 800), False),
    ("desk-dark", (1280, 800), True),
    ("phone", (390, 844), False),
    ("phone-dark", (390, 844), True),
)

SHOWN = ("trouble-desk", "well-phone", "well-desk-dark", "first-desk")

if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]))
    else:
        draw(Path(__file__).parent, SHOWN)
