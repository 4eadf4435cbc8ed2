"""`limpet read`: one reading of each sensor through the whole stack, as a table."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from agent.config import Config, SensorConfig
from agent.config.mistakes import near
from drivers import catalog

from .commands import print_json, print_table, takes_config, takes_json

# Of the time that a driver takes: bus and oscillator may be slow.
SLACK = 1.5

if TYPE_CHECKING:
    from agent.clock import Clock
    from agent.model import Batch
    from agent.service.hardware import Hardware


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument("sensor", nargs="*", metavar="SENSOR", help="ids of sensors (default: all)")
    parser.add_argument("--simulate", action="store_true", help="replace every configured chip and pin by its fake")
    parser.epilog = "example:\n  limpet read\n  limpet read air tank --json\n  limpet read --simulate"


def main(args: argparse.Namespace) -> int:
    """Read once; return 1 if a sensor is unavailable, 2 if one is not configured."""
    from .run import world

    args.scenario = None
    chosen = world(args)
    config = chosen.load()
    known = [spec.id for spec in config.sensors]
    strange = [name for name in args.sensor if name not in known]
    for name in strange:
        meant = near(name, known)
        hint = f'did you mean "{meant}"?' if meant else f"configured are: {', '.join(known) or 'none'}"
        print(f"read: there is no sensor {name!r}; {hint}", file=sys.stderr)
    if strange:
        return 2
    wanted = args.sensor or known
    logging.getLogger().addHandler(logging.NullHandler())  # all of it is in the faults
    clock, hardware = chosen.doors(config)
    batch = asyncio.run(collect(hardware, clock, needed(config, wanted), wanted))
    show(batch, wanted, clock, as_json=args.json, simulated=hardware.simulated)
    return 1 if set(batch.unavailable) & set(wanted) else 0


def needed(config: Config, wanted: Sequence[str]) -> Config:
    """Return the configuration of the wanted sensors, those that they ask, and those that stand in for them.

    A slow starter gets all the time it takes, at once: there is no next round.
    """
    known = {spec.id: spec for spec in config.sensors}
    chosen: dict[str, None] = {}
    to_do: list[str] = list(wanted)
    while to_do:
        name = to_do.pop()
        if name not in chosen:
            chosen[name] = None
            spec = known[name]
            to_do += [*spec.voters, *([spec.fallback_sensor] if spec.fallback_sensor is not None else [])]
    return replace(config, sensors=tuple(_unhurried(spec) for spec in config.sensors if spec.id in chosen))


def _unhurried(spec: SensorConfig) -> SensorConfig:
    """Return a sensor whose deadline leaves its driver the time that a first reading takes."""
    takes = getattr(catalog.find(spec.driver), "takes", 0.0)
    return replace(spec, timeout=max(spec.timeout, SLACK * takes))


async def collect(hardware: Hardware, clock: Clock, config: Config, wanted: Sequence[str]) -> Batch:
    """Return one batch, of a round that waits as long as the slowest sensor needs."""
    from agent.acquisition.collector import Collector
    from agent.service.build import Assembly

    assembly = Assembly(hardware, clock.now, Random(), lambda _event: None)
    try:
        assembly.arrange(config)
        collector = Collector(assembly.buses, clock.now)
        collector.sensors = assembly.sensors
        batch = await collector.collect(assembly.due, "request", None)
    finally:
        assembly.close()
    return batch.of(wanted)


def show(batch: Batch, wanted: Sequence[str], clock: Clock, *, as_json: bool, simulated: bool = False) -> None:
    """Print what was read to stdout, and what went wrong, with its cure, to stderr."""
    if as_json:
        print_json(document(batch, clock) | ({"simulated": True} if simulated else {}))
    else:
        rows = [("SENSOR", "QUANTITY", "VALUE", "UNIT", "STATUS")]
        for name in wanted:
            mine = [one for one in batch.readings if one.sensor == name]
            rows += [(name, one.quantity, f"{one.value:g}", one.unit, one.status) for one in mine]
            parts = [one for one in batch.faults if one.sensor == name and one.quantity]
            untold = {one.quantity for one in parts} - {one.quantity for one in mine}
            rows += [
                (name, one.quantity or "", "-", "", "beyond_range" if one.harmless else "unavailable")
                for one in parts
                if one.quantity in untold
            ]
            rows += [] if mine or parts else [(name, "-", "-", "", "unavailable")]
        print_table(rows)
    if simulated:
        print("(simulated: nothing of this was measured)", file=sys.stderr)
    for fault in batch.faults:
        tries = f" ({fault.attempts} attempts)" if fault.attempts > 1 else ""
        print(f"{fault.sensor}: {fault.error}{tries}: {fault.message}", file=sys.stderr)


def document(batch: Batch, clock: Clock) -> dict[str, Any]:
    """Return what was read as the document of `--json`."""
    from agent.messages import payloads

    return {
        "timestamp": clock.stamp(batch.due),
        "readings": [payloads.reading(one, batch.due, clock.stamp) for one in batch.readings],
        "unavailableSensors": list(batch.unavailable),
        "degraded": batch.degraded,
        "faults": [payloads.fault(one, clock.stamp) for one in batch.faults],
    }
