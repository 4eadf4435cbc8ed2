"""The live view: what a subscriber knows, on one screen. Needs `rich`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import text
from .picture import DeviceView, Event, Picture

COLOURS = {"ok": "green", "unavailable": "bold red", "stale": "yellow", "suspect": "yellow", "substituted": "yellow"}
BREAKERS = {"closed": "green", "open": "red", "half_open": "yellow"}
TONES = {"good": "green", "bad": "red", "plain": "default"}
EVENTS = 7


def screen(picture: Picture, now: float, *, title: str, note: Text | None = None, foot: str = "") -> RenderableType:
    """Return everything there is to show."""
    head = Text.assemble((f" {title} ", "bold reverse"), "  what you see is what a subscriber received over MQTT")
    parts: list[RenderableType] = [head, Text("")]
    if note is not None:
        parts += [note]
    for device in picture.devices.values():
        parts += [_sensors(device, picture, now), _facts(device, picture, now)]
    if not picture.devices:
        parts.append(_pair("broker", text.broker(picture, now), "green" if picture.connected else "red"))
    parts += [Text(""), Text("  what happened", style="bold"), *_events(picture.events)]
    return Group(*parts, Text(foot, style="dim"))


def _sensors(device: DeviceView, picture: Picture, now: float) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, expand=True, header_style="dim", row_styles=[] if picture.connected else ["dim"])
    table.add_column("sensor", style="bold", no_wrap=True)
    table.add_column("value", ratio=3, no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("since", justify="right", no_wrap=True)
    table.add_column("breaker", no_wrap=True, min_width=20)
    table.add_column("why", ratio=1, no_wrap=True)
    for name, view in device.sensors.items():
        table.add_row(
            name,
            text.values(view),
            Text(view.status, style=COLOURS.get(view.status, "dim")),
            text.ago(now - view.since),
            Text(text.breaker(view, now), style=BREAKERS.get(view.breaker, "default")),
            Text(view.error, style="red"),
        )
    return table


def _facts(device: DeviceView, picture: Picture, now: float) -> RenderableType:
    said = {"online": "green", "offline": "red"}.get(device.status, "dim")
    state = "degraded: something is missing" if device.degraded else "complete"
    facts = [
        _pair("device", f"{device.name} is {device.status}, its readings are {state}", said),
        _pair("broker", text.broker(picture, now), "green" if picture.connected else "bold red"),
        _pair("batches", text.batches(picture, device), "red" if picture.ledger.missing else "default"),
    ]
    if silent := text.buses(device):
        facts.insert(1, _pair("bus", f"{', '.join(silent)} does not answer: its sensors are left alone", "red"))
    return Padding(Group(*facts), 0)


def _pair(name: str, words: str, style: str) -> Text:
    return Text.assemble((f"  {name:<9}", "dim"), (words, style))


def _events(events: Iterable[Event]) -> list[Text]:
    latest = list(events)[-EVENTS:]
    lines = [Text.assemble((f"  {text.clock(one.at)}  ", "dim"), (one.text, TONES[one.tone])) for one in latest]
    return lines + [Text("")] * (EVENTS - len(lines))
