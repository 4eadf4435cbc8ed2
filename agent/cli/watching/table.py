"""The live view: what a subscriber knows, on one screen. Needs `rich`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import text
from .picture import Picture
from .views import DeviceView, Event

DOUBTFUL = dict.fromkeys(("stale", "suspect", "substituted", "partial"), "yellow")
COLOURS = {"ok": "green", "beyond_range": "green", "unavailable": "bold red", **DOUBTFUL}
BREAKERS = {"closed": "green", "open": "red", "half_open": "yellow"}
TONES = {"good": "green", "bad": "red", "plain": "default"}
EVENTS = (2, 9)  # as few and as many as are shown, as the height allows
OTHER_LINES = 15  # besides sensors and events
WIDE = 92  # columns from which on there is room for the error's name


def screen(
    picture: Picture, now: float, size: tuple[int, int], *, title: str, note: Text | None = None, foot: str = ""
) -> RenderableType:
    """Return everything there is to show on a screen of that many columns and lines."""
    wide, high = size
    head = Text.assemble((f" {title} ", "bold reverse"), "  what you see is what a subscriber received over MQTT")
    rows = sum(len(device.sensors) + OTHER_LINES * bool(n) for n, device in enumerate(picture.devices.values()))
    lines = max(EVENTS[0], min(EVENTS[1], high - OTHER_LINES - rows))
    parts: list[RenderableType] = [head, Text("")]
    if note is not None:
        parts += [note]
    for device in picture.devices.values():
        parts += [_sensors(device, picture, now, wide >= WIDE), _facts(device, picture, now)]
    if not picture.devices:
        parts.append(_pair("broker", text.broker(picture, now), "green" if picture.connected else "red"))
    parts += [Text(""), Text("  what happened", style="bold"), *_events(picture.events, lines)]
    return Group(*parts, Text(foot, style="dim"))


def _sensors(device: DeviceView, picture: Picture, now: float, wide: bool) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, expand=True, header_style="dim", row_styles=[] if picture.connected else ["dim"])
    table.add_column("sensor", style="bold", no_wrap=True)
    table.add_column("value", ratio=1, no_wrap=True)
    table.add_column("status", no_wrap=True, width=12)
    table.add_column("since", justify="right", no_wrap=True, width=6)
    table.add_column("breaker", no_wrap=True, width=11)
    if wide:
        table.add_column("why", no_wrap=True, width=13)
    for name, view in device.sensors.items():
        cells: list[RenderableType] = [
            name,
            text.values(view),
            Text(view.status.replace("_", " "), style=COLOURS.get(view.status, "dim")),
            text.ago(now - view.since),
            Text(text.breaker(view, now), style=BREAKERS.get(view.breaker, "default")),
        ]
        table.add_row(*cells, *([Text(view.error, style="red")] if wide else []))
    return table


def _facts(device: DeviceView, picture: Picture, now: float) -> RenderableType:
    said = {"online": "green", "offline": "red"}.get(device.status, "dim")
    state = "degraded: something is missing" if device.degraded else "complete"
    facts = [
        _pair("device", f"{device.name} is {device.status}, its readings are {state}{text.simulated(device)}", said),
        _pair("broker", text.broker(picture, now), "green" if picture.connected else "bold red"),
        _pair("batches", text.batches(picture, device), "red" if picture.ledger.missing else "default"),
    ]
    if silent := text.buses(device):
        facts.insert(1, _pair("bus", f"{', '.join(silent)} does not answer: its sensors are left alone", "red"))
    return Padding(Group(*facts), 0)


def _pair(name: str, words: str, style: str) -> Text:
    return Text.assemble((f"  {name:<9}", "dim"), (words, style))


def _events(events: Iterable[Event], count: int) -> list[Text]:
    latest = list(events)[-count:]
    lines = [Text.assemble((f"  {text.clock(one.at)}  ", "dim"), (one.text, TONES[one.tone])) for one in latest]
    return lines + [Text("")] * (count - len(lines))
