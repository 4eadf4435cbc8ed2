"""The built-in bad day: one of each fault that a field knows, scaled to the time that there is."""

from __future__ import annotations

from collections.abc import Mapping

from .scenario import Scenario, ScenarioFault
from .scenario_file import Device, Suffering

DAY = 24.0
AN_HOUR, TEN_MINUTES = 1.0, 1 / 6  # of the day's 24


def bad_day(
    devices: Mapping[str, Device], shared: Mapping[str, Suffering], seconds: float, *, seed: int, on_disk: bool
) -> Scenario:
    """Return the scenario for these sensors and buses.

    Args:
        seconds: how long the day is.
        on_disk: whether the outbox is on a disk, which can be full.
    """
    hour = seconds / DAY
    faults = [
        *_of_sensors(devices, hour),
        *_of_buses(shared, hour),
        ScenarioFault(kind="down", broker=True, at=7.0 * hour, lasts=2 * AN_HOUR * hour),
        ScenarioFault(kind="refuses", broker=True, at=10.0 * hour, lasts=AN_HOUR / 2 * hour),
        ScenarioFault(kind="killed", process=True, at=13.5 * hour),
        ScenarioFault(kind="power_cut", process=True, at=15.0 * hour),
        ScenarioFault(kind="clock_step", by=3600.0, at=17.0 * hour, lasts=AN_HOUR * hour),
    ]
    if on_disk:
        # The disk is written to only while the broker is away.
        faults += [
            ScenarioFault(kind="full", disk=True, at=11.5 * hour, lasts=AN_HOUR * hour),
            ScenarioFault(kind="down", broker=True, at=11.75 * hour, lasts=AN_HOUR / 2 * hour),
        ]
    return Scenario(seed=seed, faults=tuple(sorted(faults, key=lambda one: one.at)))


def _of_sensors(devices: Mapping[str, Device], hour: float) -> list[ScenarioFault]:
    """A loose wire, and another chip that falls silent for an hour."""
    faults = []
    loose = next((name for name, one in devices.items() if "flaky" in one.suffers), None)
    if loose is not None:
        faults.append(ScenarioFault(kind="flaky", sensor=loose, rate=0.5, at=1.5 * hour, lasts=AN_HOUR / 2 * hour))
    silent = [name for name, one in devices.items() if "unplugged" in one.suffers]
    if silent:
        other = next((name for name in silent if name != loose), silent[0])
        faults.append(ScenarioFault(kind="unplugged", sensor=other, at=3.0 * hour, lasts=AN_HOUR * hour))
    return faults


def _of_buses(shared: Mapping[str, Suffering], hour: float) -> list[ScenarioFault]:
    """A bus on which a line is held low."""
    stuck = next((name for name, one in shared.items() if "stuck" in one.suffers), None)
    if stuck is None:
        return []
    return [ScenarioFault(kind="stuck", bus=stuck, at=5.0 * hour, lasts=TEN_MINUTES * hour)]
