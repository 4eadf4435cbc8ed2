"""The pages of `limpet watch` as lines of a screen: all devices, one device, the keys. Needs `rich`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from . import text
from .browser import Browser
from .columns import Cell, Column, line, widths
from .picture import Picture
from .views import TREND, DeviceView, SensorView

BARS = "▁▂▃▄▅▆▇█"
TONES = {"good": "green", "bad": "red", "plain": ""}
EVENTS = 6  # as many are shown, where the height allows
LOW = 16  # lines below which a screen has no room for them
STATUS = {"ok": "green", "beyond_range": "green", "unavailable": "bold red", "unknown": "dim"}
DEVICES = (
    Column("", 0),
    Column("device", 1, 8),
    Column("reading", 0),
    Column("is", 2, 7),
    Column("age", 3, 6, right=True),
    Column("ok", 4, 3, right=True),
    Column("trouble", 5, 12),
    Column("and also", 6, 14),
)
QUANTITIES = (
    Column("", 1, 16),
    Column("", 0, right=True),
    Column("", 0),
    Column("status", 2, 6),
    Column("age", 3, 6, right=True),
    Column("why", 4, 10),
    Column("trend", 5, TREND),
    Column("breaker", 6, 11),
)
KEYS = (
    ("↑ ↓  j k", "choose, scroll"),
    ("Enter", "open the device"),
    ("Esc ⌫", "back"),
    ("PgUp PgDn", "a screen up, down"),
    ("Home End", "first, last"),
    ("/", "filter; Esc clears it"),
    ("s", "sort by trouble"),
    ("q", "quit"),
)


def screen(browser: Browser, now: float, size: tuple[int, int]) -> list[Text]:
    """Return the lines of a screen of that many columns and lines."""
    width, height = size
    if browser.helping:
        lines = [Text("limpet watch: keys", "bold"), *(Text(f"{key:<10} {what}") for key, what in KEYS)]
        lines += [Text("~ simulated: nothing of it was measured", "magenta")]
    else:
        head, foot = _head(browser, now), _foot(browser)
        device = browser.device
        if device is None:
            body = _devices(browser, now, width, height - 2)
        else:
            body = _device(browser, device, now, width, height - 2)
        lines = [head, *body[: height - 2]]
        lines += [Text("")] * (height - 1 - len(lines)) + [foot]
    for one in lines:
        one.no_wrap, one.overflow = True, "crop"
        one.truncate(width)
    return lines[:height]


def _head(browser: Browser, now: float) -> Text:
    picture, devices = browser.picture, browser.picture.devices
    made = Text(" limpet watch ", "bold reverse")
    if not picture.connected:
        return made.append(f" broker {text.clean(text.broker(picture, now))}", "bold red")
    bad = sum(browser.severity(one) > 0 for one in devices.values())
    made.append(f" {len(devices)} device{'s' * (len(devices) != 1)}")
    made.append(
        f", {bad} in trouble" if bad else ", all well" if devices else ": none was heard yet", "red" if bad else "green"
    )
    return made


def _foot(browser: Browser) -> Text:
    if browser.typing:
        return Text(f"/{browser.filter}▏", "bold")
    if browser.filter:
        return Text(f"/{browser.filter}  (Esc clears)", "bold")
    return Text("q quit  ? keys  / filter  s " + ("by name" if browser.worst_first else "by trouble"), "dim")


def _devices(browser: Browser, now: float, width: int, height: int) -> list[Text]:
    devices, picture = browser.devices(), browser.picture
    events = EVENTS if height >= LOW else 0
    browser.room = max(1, height - 1 - (events + 1 if events else 0))
    at = browser.place(devices)
    shown = browser.visible(len(devices), at)
    rows = [_device_row(devices[n], picture, now) for n in shown]
    wide = widths(DEVICES, rows, width)
    lines = [_titles(DEVICES, wide, width)] if devices else []
    for n, row in zip(shown, rows, strict=True):
        faded = "dim" if devices[n].offline or not picture.connected else ""
        lines.append(line(row, DEVICES, wide, width, f"{faded} reverse" if n == at else faded))
    lines += [Text("")] * (height - events - bool(events) - len(lines)) if events else []
    return lines + (_events(picture, events) if events else [])


def _device_row(device: DeviceView, picture: Picture, now: float) -> list[Cell]:
    readings = list(_readings(device))
    bad = [name for name, one in device.sensors.items() if not one.good]
    first = f"{bad[0]} {device.sensors[bad[0]].status}" if bad else ""
    more = f" +{len(bad) - 1}" if len(bad) > 1 else ""
    missing = picture.ledger.missing_of(device.name)
    wrong = text.clean(first.replace("_", " ")) + more or (f"{missing} missing" if missing else "")
    mark = "○" if device.offline else "!" if bad or missing else "●"
    style = "dim" if device.offline else "red" if bad or missing else "green"
    return [
        Cell(("~" if device.simulated else "") + mark, "magenta" if device.simulated else style),
        Cell(text.clean(device.name), "bold"),
        Cell(readings[0] if readings else "–"),
        Cell(text.clean(device.status), {"online": "green", "offline": "red"}.get(device.status, "dim")),
        Cell(_age(device.measured, now)),
        Cell(f"{len(device.sensors) - len(bad)}/{len(device.sensors)}"),
        Cell(wrong, "red"),
        Cell("  ".join(readings[1:5]), "dim"),
    ]


def _readings(device: DeviceView) -> Iterator[str]:
    """Yield the values of a device, those of the first sensor that has any first."""
    for name, view in device.sensors.items():
        for quantity in view.values if view.status != "unavailable" else ():
            number, unit = _value(device, name, view, quantity)
            yield f"{number} {unit}".rstrip()


def _device(browser: Browser, device: DeviceView, now: float, width: int, height: int) -> list[Text]:
    picture = browser.picture
    facts = _facts(device, picture, now)
    events = min(EVENTS, height - LOW) if height > LOW else 0
    browser.room = max(1, height - len(facts) - 1 - (events + 1 if events else 0))
    names = browser.quantities(device)
    shown = browser.visible(len(names))
    rows = [_quantity_row(device, *names[n], now) for n in shown]
    wide = widths(QUANTITIES, rows, width)
    faded = "dim" if device.offline or not picture.connected else ""
    lines = [*facts, _titles(QUANTITIES, wide, width, _part(shown, len(names)))]
    lines += [line(row, QUANTITIES, wide, width, faded) for row in rows]
    if events:
        lines += [Text("")] * (height - events - 1 - len(lines)) + _events(picture, events, device.name)
    return lines


def _part(shown: range, count: int) -> str:
    return f"{shown.start + 1}-{shown.stop} of {count}" if len(shown) < count else "quantity"


def _titles(columns: Sequence[Column], wide: Sequence[int], width: int, first: str = "") -> Text:
    cells = [Cell(one.title) for one in columns]
    if first:
        cells[0] = Cell(first)
    return line(cells, columns, wide, width, "dim")


def _quantity_row(device: DeviceView, name: str, quantity: str, now: float) -> list[Cell]:
    view = device.sensors[name]
    number, unit = _value(device, name, view, quantity)
    alone = quantity in view.parts and quantity not in view.values
    status = view.status if not alone or view.status == "unavailable" else "missing"
    why = view.parts.get(quantity) or view.error if alone or not view.good else ""
    if alone and why == "" and view.status == "beyond_range":
        status = "beyond range"
    styles = {"missing": "yellow", **STATUS}
    breaker = "" if view.breaker == "closed" else text.breaker(view, now)
    return [
        Cell(text.clean(f"{name} {quantity}".rstrip()), "bold"),
        Cell(number),
        Cell(unit),
        Cell(text.clean(status.replace("_", " ")), styles.get(status, "yellow")),
        Cell(_age(view.measured, now)),
        Cell(text.clean(why), "red" if status == "unavailable" else "yellow"),
        Cell(trend(device.trends.get((name, quantity), ())), "cyan"),
        Cell(text.clean(breaker), "yellow"),
    ]


def _value(device: DeviceView, name: str, view: SensorView, quantity: str) -> tuple[str, str]:
    """Return a value and its unit; a dash where it cannot be used, a state in plain words."""
    found = view.values.get(quantity)
    if found is None or view.status == "unavailable":
        return "–", ""
    word = device.state_word(name, found[0]) if quantity == "state" else None
    return (word, "") if word is not None else (text.number(found[0]), text.clean(device.unit(name, quantity)))


def _facts(device: DeviceView, picture: Picture, now: float) -> list[Text]:
    """Return what concerns the whole device: who it is, how it is, what came and what is missing."""
    made = Text("~ simulated: ", "magenta") if device.simulated else Text("")
    made.append(text.clean(device.name), "bold")
    made.append(f" {text.clean(device.status)}", {"online": "green", "offline": "red"}.get(device.status, "dim"))
    if device.offline:
        made.append(f", last heard {text.ago(now - device.heard)} ago", "dim")
    elif device.degraded:
        made.append(", degraded: something is missing", "yellow")
    missing = picture.ledger.missing_of(device.name)
    batches = Text(f"{device.live} live · {device.late} late · ", "dim").append(
        f"{missing} missing", "red" if missing else "dim"
    )
    if declared := picture.ledger.declared_of(device.name):
        batches.append(f" · {declared} declared lost", "red")
    if (waiting := text.waiting(device.health)) is not None:
        batches.append(f" · {text.clean(waiting)} waiting", "dim")
    silent = text.buses(device)
    return [made, batches, *([Text(f"{text.clean(', '.join(silent))} does not answer", "red")] if silent else [])]


def _events(picture: Picture, count: int, device: str = "") -> list[Text]:
    """Return the newest events below a title, of one device or of all."""
    chosen = [one for one in picture.events if one.device in ("", device) or not device][-count:]
    lines = [Text("what happened", "bold dim")]
    for one in chosen:
        about = f"{one.device}: " if one.device and not device and one.device not in one.text else ""
        lines.append(Text(f"{text.clock(one.at)} ", "dim").append(text.clean(about + one.text), TONES[one.tone]))
    return lines + [Text("")] * (count - len(chosen))


def _age(measured: float | None, now: float) -> str:
    return "" if measured is None else text.ago(now - measured)


def trend(values: Iterable[float]) -> str:
    """Return values as a line of bars between the lowest and the highest of them.

    >>> trend([0, 1, 2, 3])
    '▁▃▆█'
    """
    numbers = list(values)
    if len(numbers) < 2:
        return ""
    low, high = min(numbers), max(numbers)
    if high <= low:
        return BARS[0] * len(numbers)
    return "".join(BARS[min(7, int((one - low) / (high - low) * 7.999))] for one in numbers)
