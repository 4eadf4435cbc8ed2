"""One conversion for all sensors of a 1-Wire bus, where the kernel can (`therm_bulk_read`); else one for each.

Source: Linux, Documentation/w1/slaves/w1_therm.rst and drivers/w1/slaves/w1_therm.c: writing `trigger` returns when all
have converted; the next read of each sensor is then instant, and gives that conversion, however long ago it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..bus import sysfs
from ..bus.clock import now
from ..errors import PermanentError, TransientError

BULK = "therm_bulk_read"
# A DS28EA00 (42) is not converted together with the others.
FAMILIES = ("10", "22", "28", "3b")
# Seconds for which a conversion counts as one of now.
FRESH = 2.0


@dataclass(slots=True)
class _Master:
    """One 1-Wire bus.

    Attributes:
        members: sensors that are read here. waiting: those that have converted since, and were not read yet.
        at: when they did. usable: whether this user may start a conversion of all.
    """

    members: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    at: float = float("-inf")
    usable: bool = True


class Conversions:
    """The conversions of all 1-Wire buses. Belongs to the thread of the bus `w1`."""

    def __init__(self, clock: Callable[[], float] = now) -> None:
        self.clock = clock
        self._masters: dict[Path, _Master] = {}

    def begin(self, sensor: Path) -> None:
        """Make sure that the next read of a sensor's file gives a conversion of now.

        Args:
            sensor: its folder.
        """
        folder = sensor.resolve().parent
        master = self._masters.setdefault(folder, _Master())
        master.members.add(sensor.name)
        if sensor.name.partition("-")[0] not in FAMILIES or not master.usable or len(master.members) < 2:
            return
        if sensor.name in master.waiting and self.clock() - master.at < FRESH:
            master.waiting.discard(sensor.name)
            return
        try:
            if not sysfs.exists(folder / BULK, "ds18b20"):
                return
            sysfs.write_text(folder / BULK, "trigger\n", "ds18b20")
        except PermanentError:
            # this user may not: each read converts by itself, from now on
            master.usable = False
            return
        except TransientError:
            return
        master.at = self.clock()
        master.waiting = {entry for entry in sysfs.entries(folder, "ds18b20") if entry.partition("-")[0] in FAMILIES}
        master.waiting.discard(sensor.name)
