"""One conversion for all sensors of a 1-Wire bus if the kernel supports it (`therm_bulk_read`); else one for each.

Source: Linux, Documentation/w1/slaves/w1_therm.rst and drivers/w1/slaves/w1_therm.c: writing `trigger` returns when all
have converted; the next read of each sensor is then instant, and gives that conversion, however long ago it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..bus import sysfs
from ..bus.clock import now
from ..chip import Waits
from ..errors import PermanentError, TransientError

BULK = "therm_bulk_read"
CONVERTING = "-1"
# The kernel does not convert a DS28EA00 (42) together with the others.
FAMILIES = ("10", "22", "28", "3b")
FRESH = 2.0  # seconds for which a conversion counts as current
# Polls, and seconds between them: a sensor of 14 bits needs 1.6 s.
POLLS, POLL = 20, 0.1
WHO = "ds18b20"


@dataclass(slots=True)
class _Master:
    """One 1-Wire bus.

    Attributes:
        members: sensors that are read here.
        waiting: those that took part in the last conversion and were not read since.
        at: when that conversion was.
        usable: whether this user may start a conversion of all.
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

    def begin(self, sensor: Path) -> Waits:
        """Make sure that the next read of a sensor's file returns a current conversion.

        Args:
            sensor: its folder.
        """
        folder = _master_of(sensor)
        master = self._masters.setdefault(folder, _Master())
        master.members.add(sensor.name)
        if sensor.name.partition("-")[0] not in FAMILIES or not master.usable or len(master.members) < 2:
            return
        try:
            if sensor.name not in master.waiting or self.clock() - master.at >= FRESH:
                if not sysfs.exists(folder / BULK, WHO):
                    return
                sysfs.write_text(folder / BULK, "trigger\n", WHO)
                master.at = self.clock()
                master.waiting = {one for one in master.members if one.partition("-")[0] in FAMILIES}
                master.waiting |= set(sysfs.entries(folder, WHO))
            master.waiting.discard(sensor.name)
            for _ in range(POLLS):
                if sysfs.read_text(folder / BULK, WHO) != CONVERTING:
                    return
                yield POLL
        except PermanentError:
            # This user may not start one. From now on each read converts by itself.
            master.usable = False
        except TransientError:
            return


def _master_of(sensor: Path) -> Path:
    """Return the folder of the bus that a sensor is on."""
    above = sensor.resolve().parent
    if (above / BULK).exists():
        return above
    masters = sorted(sensor.parent.glob("w1_bus_master*"))
    return next((one for one in masters if (one / sensor.name).exists() or len(masters) == 1), above)
