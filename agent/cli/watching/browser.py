"""What is shown: which device is chosen or open, how far it is scrolled, how it is filtered and sorted."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from .picture import Picture
from .views import DeviceView

OFFLINE = 1000  # as troublesome as that many sensors


class Browser:
    """Two pages: all devices, a line each; and the quantities of one device.

    Attributes:
        opened: the device whose page is shown; None: all of them. chosen: the one that Enter opens.
        top: the first row that is shown. room: rows that fit on the screen.
        worst_first: whether what is wrong comes first. typing: whether keys go into the filter.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.opened: str | None = None
        self.chosen: str | None = None
        self.top, self.room = 0, 10
        self.worst_first = self.typing = self.helping = self.quitting = False
        self._filters = {"devices": "", "quantities": ""}
        self._closed = False

    @property
    def page(self) -> str:
        """What the rows of the page are: `devices` or `quantities`."""
        return "devices" if self.device is None else "quantities"

    @property
    def device(self) -> DeviceView | None:
        """The device whose page is shown; the only one is, unless it was closed."""
        devices = self.picture.devices
        if self.opened is None and len(devices) == 1 and not self._closed:
            return next(iter(devices.values()))
        return devices.get(self.opened) if self.opened is not None else None

    @property
    def filter(self) -> str:
        """The text that rows of this page must hold."""
        return self._filters[self.page]

    def devices(self) -> list[DeviceView]:
        """Return the devices to be shown, in order."""
        wanted = self._filters["devices"].lower()
        found = [one for name, one in self.picture.devices.items() if wanted in name.lower()]
        if self.worst_first:
            return sorted(found, key=lambda one: (-self.severity(one), natural(one.name)))
        return sorted(found, key=lambda one: natural(one.name))

    def severity(self, device: DeviceView) -> int:
        """Return how much is wrong with a device."""
        missing = self.picture.ledger.missing_of(device.name) > 0
        return OFFLINE * device.offline + device.troubled + device.degraded + missing

    def quantities(self, device: DeviceView) -> list[tuple[str, str]]:
        """Return (sensor, quantity) of what is to be shown of a device, in order."""
        wanted = self._filters["quantities"].lower()
        sensors = list(device.sensors.items())
        if self.worst_first:
            sensors.sort(key=lambda one: one[1].good)
        rows = []
        for name, view in sensors:
            names = dict.fromkeys((*view.values, *view.parts)) or {"": None}
            rows += [(name, quantity) for quantity in names if wanted in f"{name} {quantity}".lower()]
        return rows

    def visible(self, count: int, at: int | None = None) -> range:
        """Return the rows of `count` that are on the screen; scrolls so that row `at` is."""
        if at is not None:
            self.top = min(self.top, at)
            self.top = max(self.top, at - self.room + 1)
        self.top = max(0, min(self.top, count - self.room))
        return range(self.top, min(count, self.top + self.room))

    def place(self, devices: list[DeviceView]) -> int:
        """Return the row of the device that is chosen; the first one where it is not to be seen."""
        at = next((n for n, one in enumerate(devices) if one.name == self.chosen), 0)
        self.chosen = devices[at].name if devices else None
        return at

    def press(self, key: str) -> None:
        """Take a key."""
        if self.typing:
            self._type(key)
        elif self.helping:
            self.helping = False
        elif (action := self._actions().get(key)) is not None:
            action()

    def _actions(self) -> dict[str, Callable[[], None]]:
        actions: dict[str, Callable[[], None]] = {}
        for keys, step in (("up k", -1), ("down j", 1)):
            actions |= dict.fromkeys(keys.split(), lambda step=step: self._move(step))  # type: ignore[misc]
        actions |= {"page up": lambda: self._move(-self.room), "page down": lambda: self._move(self.room)}
        actions |= {" ": actions["page down"], "b": actions["page up"]}
        actions |= dict.fromkeys(("home", "g"), lambda: self._move(-(10**9)))
        actions |= dict.fromkeys(("end", "G"), lambda: self._move(10**9))
        actions |= dict.fromkeys(("esc", "backspace", "h"), self._back)
        return actions | {
            "enter": self._open,
            "l": self._open,
            "/": self._search,
            "s": self._sort,
            "?": self._help,
            "q": self._quit,
        }

    def _move(self, step: int) -> None:
        if self.device is not None:
            self.top = max(0, self.top + step)
        elif devices := self.devices():
            at = self.place(devices) + step
            self.chosen = devices[max(0, min(len(devices) - 1, at))].name

    def _open(self) -> None:
        if self.device is None and (devices := self.devices()):
            self.opened, self.top = devices[self.place(devices)].name, 0

    def _back(self) -> None:
        if self.filter:
            self._filters[self.page] = ""
        elif self.device is not None:
            self.chosen, self.opened, self.top, self._closed = self.device.name, None, 0, True

    def _search(self) -> None:
        self.typing = True

    def _sort(self) -> None:
        # What is first now is what a person wants to see.
        self.worst_first, self.chosen, self.top = not self.worst_first, None, 0

    def _help(self) -> None:
        self.helping = True

    def _quit(self) -> None:
        self.quitting = True

    def _type(self, key: str) -> None:
        """Take a key into the filter, or end the typing."""
        page = self.page
        if key in ("enter", "esc", "up", "down"):
            self.typing = False
            if key == "esc":
                self._filters[page] = ""
        elif key == "backspace":
            self._filters[page] = self._filters[page][:-1]
        elif len(key) == 1:
            self._filters[page] += key
        self.top = 0


@functools.lru_cache(maxsize=10_000)
def natural(name: str) -> tuple[tuple[str, int, str], ...]:
    """Return what sorts names as people do: `pi-2` before `pi-10`."""
    parts = re.findall(r"([^0-9]*)0*([0-9]*)", name)
    return tuple((words, len(number), number) for words, number in parts)
