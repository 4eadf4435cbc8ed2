"""Draws the pictures in this folder: what `limpet watch` shows of invented devices, as SVG.

python deploy/pictures/draw.py
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.text import Text

from agent.broker.subscriber import ConnectionChange, Received
from agent.cli.watching.browser import Browser
from agent.cli.watching.pages import screen
from agent.cli.watching.picture import Picture
from agent.clock import rfc3339

HERE = Path(__file__).parent
NOW = 1_795_608_000.0  # 2026-11-25 12:00 UTC
ROUNDS = 40
UNITS = {"temperature": "°C", "humidity": "%", "pressure": "hPa", "co2": "ppm", "distance": "mm"}
# device -> sensor -> (driver, quantity -> mean)
DEVICES: dict[str, dict[str, tuple[str, dict[str, float]]]] = {
    "greenhouse-1": {
        "air": ("bme280", {"temperature": 21.4, "humidity": 63.0, "pressure": 1013.2}),
        "breath": ("scd4x", {"co2": 612.0}),
        "door": ("contact", {"state": 1}),
        "tank": ("vl53l0x", {"distance": 412.0}),
    },
    "greenhouse-2": {"air": ("sht4x", {"temperature": 24.2, "humidity": 71.0}), "door": ("contact", {"state": 0})},
    "cellar": {"air": ("aht20", {"temperature": 11.8, "humidity": 82.0}), "boiler": ("ds18b20", {"temperature": 64.5})},
    "roof": {"air": ("bmp390", {"temperature": 4.1, "pressure": 1009.7})},
    "bench": {"air": ("hdc1080", {"temperature": 20.0, "humidity": 45.0})},
}
SILENT, GONE, SIMULATED = ("greenhouse-1", "tank"), "roof", "bench"


def messages() -> Iterator[Received]:
    """Yield what a subscriber hears of the invented devices."""
    for device, sensors in DEVICES.items():
        listed = [
            {"id": name, "driver": driver, "quantities": [{"name": one, "unit": UNITS.get(one, "")} for one in values]}
            for name, (driver, values) in sensors.items()
        ]
        yield _message(device, "info", {"sensors": listed}, 0)
        yield Received(f"limpet/{device}/status", b"online", True, NOW - 400.0)
    for seq in range(1, ROUNDS + 1):
        for device in DEVICES:
            if device != GONE or seq < ROUNDS // 2:
                yield _message(device, "batch", _batch(device, seq), seq)
    yield Received(f"limpet/{GONE}/status", b"offline", True, NOW - 190.0)


def _message(device: str, kind: str, document: dict[str, Any], seq: int) -> Received:
    if device == SIMULATED:
        document["simulated"] = True
    return Received(f"limpet/{device}/{kind}", json.dumps(document).encode(), False, NOW - 10.0 * (ROUNDS - seq))


def _batch(device: str, seq: int) -> dict[str, Any]:
    stamp = rfc3339(NOW - 10.0 * (ROUNDS - seq))
    silent = [name for name in DEVICES[device] if (device, name) == SILENT and seq > ROUNDS - 9]
    fault = {"error": "NoAcknowledge", "message": "", "attempts": 3, "breaker": "open", "retryAfter": 12.5}
    readings = [
        {"sensorId": name, "quantity": one, "value": _value(mean, one, seq), "unit": UNITS.get(one, ""), "status": "ok"}
        for name, (_, values) in DEVICES[device].items()
        if name not in silent
        for one, mean in values.items()
    ]
    return {
        "deviceId": device,
        "bootId": "picture",
        "seq": seq,
        "timestamp": stamp,
        "trigger": "interval",
        "degraded": bool(silent),
        "readings": readings,
        "unavailableSensors": silent,
        "faults": [{"sensorId": name, "since": rfc3339(NOW - 80.0), **fault} for name in silent],
    }


def _value(mean: float, quantity: str, seq: int) -> float:
    if quantity == "state":
        return mean
    return round(mean * (1 + 0.04 * math.sin(seq / 4 + len(quantity))), 2)


def pictures() -> dict[str, list[Text]]:
    """Return the lines of each picture by the name of its file."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    picture = Picture()
    picture.line(ConnectionChange(True), NOW - 400.0)
    for message in messages():
        picture.take(message)
    browser = Browser(picture)
    browser.chosen = "greenhouse-1"
    drawn = {
        "watch-devices.svg": screen(browser, NOW, (100, 20)),
        "watch-40-columns.svg": screen(browser, NOW, (40, 14)),
    }
    browser.press("enter")
    return {**drawn, "watch-device.svg": screen(browser, NOW, (100, 24))}


def svg(name: str, lines: Sequence[RenderableType], title: str = "limpet watch") -> str:
    """Return lines as SVG that loads nothing from elsewhere."""
    width = {"watch-40-columns.svg": 40}.get(name, 100)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Group(*lines))
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title=title, code_format=form, unique_id=name.removesuffix(".svg"))


if __name__ == "__main__":
    for name, lines in pictures().items():
        (HERE / name).write_text(svg(name, lines) + "\n", encoding="utf-8")
