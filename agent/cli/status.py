"""`limpet status`: what the running service says of itself. Needs no broker."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agent import config
from agent.service import process

from .commands import print_table, takes_config, takes_json

SERVICE = Path("/run/limpet/health.json")  # RuntimeDirectory= of the unit
GOOD = ("ok", "beyond_range")
OLD = 180.0  # seconds; a running agent writes at least every minute


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument("--simulate", action="store_true", help="ask the simulated run")
    parser.epilog = "example:\n  limpet status\n  limpet status --json | jq .broker"


def main(args: argparse.Namespace) -> int:
    """Print the health document; return 1 if no agent runs."""
    found = latest(places(args.config, simulated=args.simulate))
    if found is None:
        print("not running: there is no health.json; sudo systemctl status limpet", file=sys.stderr)
        return 1
    if found.document is None:
        print(f"{found.file} cannot be read: {found.problem}", file=sys.stderr)
        return 1
    if args.json:
        sys.stdout.write(found.content if found.content.endswith("\n") else found.content + "\n")
    else:
        show(found.document)
    if found.problem is not None:
        print(f"not running: {found.problem}; sudo systemctl status limpet", file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True, slots=True)
class HealthFile:
    """A file that an agent has left.

    Attributes:
        written: its wall time.
        document: None where it cannot be read.
        problem: why its agent does not run, or why it cannot be read; None while all is well.
    """

    file: Path
    written: float
    content: str
    document: Mapping[str, Any] | None
    problem: str | None


def places(explicit: str | None = None, *, simulated: bool = False) -> list[Path]:
    """Return where a running agent may have left its health: the service, or one that this user started.

    Raises:
        ConfigError: the file that was asked for is no configuration.
    """
    found = [SERVICE.parent / process.SIMULATED / SERVICE.name if simulated else SERVICE]
    state_dir = None
    try:
        state_dir = config.load(explicit).state_dir(os.environ)
    except config.ConfigError:
        # The installed one may be closed to this user; its service is found all the same.
        if explicit:
            raise
    if state_dir is not None and simulated:
        state_dir /= process.SIMULATED
    found.append(process.health_file(state_dir or Path("~/.local/state/limpet").expanduser(), simulated=simulated))
    if state_dir is not None:
        found.append(state_dir / SERVICE.name)
    return found


def latest(files: Iterable[Path]) -> HealthFile | None:
    """Return the newest of the files, one whose agent runs before all others; None if there is none."""
    found = [one for file in dict.fromkeys(files) if (one := _look(file)) is not None]
    return max(found, key=lambda one: (one.document is not None and one.problem is None, one.written), default=None)


def _look(file: Path) -> HealthFile | None:
    try:
        written = file.stat().st_mtime
    except OSError:
        return None
    try:
        content = file.read_text(encoding="utf-8")
        document = json.loads(content)
        return HealthFile(file, written, content, document, _problem(document, time.time() - written))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return HealthFile(file, written, "", None, str(error))


def _problem(document: Mapping[str, Any], age: float) -> str | None:
    """Return why the agent that wrote a document that long ago does not run; None if it does, as far as one can see."""
    facts = document.get("process", {})
    pid = facts.get("pid")
    if isinstance(pid, int) and not process.runs(pid, facts.get("startedTicks")):
        return f"process {pid} has ended"
    if age > OLD:
        return f"its document is {age:.0f} s old, so that the service does not run, or hangs"
    return None


def show(document: Mapping[str, Any]) -> None:
    """Print a document for people: the whole agent, then its sensors, those with something wrong first."""
    sensors, breakers = document.get("sensors", {}), document.get("breakers", {})
    print(_headline(document, sensors))
    for name, how in general(document):
        print(f"{name:<8} {how}")
    for name, one in breakers.items():
        if name not in sensors and name != "broker" and one.get("state") != "closed":
            print(f"{name:<8} left alone {_since(one.get('since'), document)}: {_breaker(one)}")
    if sensors:
        print()
        rows = [_sensor(name, one, breakers.get(name, {}), document) for name, one in sensors.items()]
        rows.sort(key=lambda row: row[1] in GOOD)
        print_table([("SENSOR", "STATUS", "BREAKER", "LAST OK", "ERROR"), *rows])


def _headline(document: Mapping[str, Any], sensors: Mapping[str, Any]) -> str:
    good = sum(one.get("status") in GOOD for one in sensors.values())
    made = f"{document.get('deviceId')}{' (simulated)' if document.get('simulated') else ''}: "
    made += f"up {duration(document.get('process', {}).get('uptime', 0))}"
    made += f", {good} of {len(sensors)} sensors good" if sensors else ", no sensor"
    return made + (", degraded" if document.get("degraded") else "")


def general(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what concerns the whole agent."""
    outbox, process, rounds = (document.get(one, {}) for one in ("outbox", "process", "rounds"))
    yield "broker", _broker(document)
    yield "outbox", f"{outbox.get('waiting', 0)} batches wait, {outbox.get('bytes', 0)} bytes{_oldest(document)}"
    yield (
        "storage",
        f"{outbox.get('storage')}, durability {outbox.get('durability')}; "
        f"{outbox.get('dropped', 0)} dropped, {outbox.get('refused', 0)} refused",
    )
    yield (
        "rounds",
        f"{rounds.get('finished', 0)} finished, {rounds.get('late', 0)} late, {rounds.get('skipped', 0)} skipped",
    )
    yield "process", f"{process.get('rss', 0) / 1e6:.1f} MB, CPU {process.get('cpu', 0)} s"
    yield "clock", "synchronised" if document.get("clock", {}).get("synced") else "not synchronised"
    if overdue := document.get("calibration", {}).get("overdue"):
        yield "overdue", f"calibration of {', '.join(map(str, overdue))}"


def duration(seconds: float) -> str:
    """Return seconds in the two greatest units that count: `3 d 4 h`."""
    rest = int(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def _broker(document: Mapping[str, Any]) -> str:
    broker, breaker = document.get("broker", {}), document.get("breakers", {}).get("broker", {})
    since = _since(broker.get("since"), document)
    if broker.get("connected"):
        return f"connected {since}"
    error = f": {broker['error']}" if broker.get("error") else ""
    return f"away {since}{error}" + (f"; {_breaker(breaker)}" if breaker.get("state", "closed") != "closed" else "")


def _breaker(breaker: Mapping[str, Any]) -> str:
    """Return the state of a breaker, and when it probes."""
    after = breaker.get("retryAfter")
    state = str(breaker.get("state")).replace("_", " ")
    return f"breaker {state}" + (f", next try in {duration(after)}" if isinstance(after, int | float) else "")


def _since(stamp: object, document: Mapping[str, Any]) -> str:
    """Return how long before the document was written something began."""
    try:
        written, began = (datetime.fromisoformat(str(one)) for one in (document.get("timestamp"), stamp))
        return f"for {duration(max(0.0, (written - began).total_seconds()))}"
    except (ValueError, TypeError):
        return "since the start"


def _oldest(document: Mapping[str, Any]) -> str:
    oldest = document.get("outbox", {}).get("oldest")
    return f", the oldest {_since(oldest, document)}" if oldest else ""


def _sensor(
    name: str, one: Mapping[str, Any], breaker: Mapping[str, Any], document: Mapping[str, Any]
) -> tuple[str, ...]:
    state = "" if breaker.get("state", "closed") == "closed" else _breaker(breaker).removeprefix("breaker ")
    last = "never" if one.get("lastOk") is None else f"{_since(one['lastOk'], document).removeprefix('for ')} ago"
    return name, str(one.get("status")), state, last, str(one.get("error") or "")
