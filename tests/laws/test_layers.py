"""Who may look into whose room. A room is a module or a package directly in `agent` or `drivers`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file for tree in ("agent", "drivers") for file in (ROOT / tree).rglob("*.py"))

# rooms: those that they may import. Change this picture first when the code should change.
TABLE = {
    # what a wire is: never imports agent
    "drivers.errors": "",
    "drivers.crc": "drivers.errors",
    "drivers.registers": "",
    "drivers.bus": "drivers.errors",
    "drivers.chip": "drivers.bus drivers.crc drivers.errors drivers.registers",
    "drivers.chips": "drivers.chip drivers.crc drivers.errors drivers.registers",
    "drivers.pins drivers.kernel": "drivers.bus drivers.chip drivers.errors",
    "drivers.uart": "drivers.chip drivers.errors",
    "drivers.catalog": "drivers.chip drivers.errors",
    "drivers.scan": "drivers.bus drivers.catalog drivers.chip drivers.errors",
    "drivers.fakes": "",
    "drivers.conformance": "drivers.__init__ drivers.catalog drivers.errors drivers.fakes",
    "drivers.wiring": "",
    "drivers.__init__": "drivers.catalog drivers.errors",
    # what crosses rooms, and what could leave tomorrow
    "agent.__init__": "",
    "agent.model": "",
    "agent.clock": "",
    "agent.logs": "",
    "agent.resilience": "",
    # from the configuration to a batch, from a batch to the broker
    "agent.config": "drivers.catalog",
    "agent.acquisition": "agent.model agent.resilience drivers.bus drivers.chip drivers.errors",
    "agent.messages": "agent.clock agent.config agent.model",
    "agent.outbox": "",
    "agent.broker": "",
    "agent.publisher": "agent.broker agent.messages agent.outbox agent.resilience",
    "agent.web": "",
    # who puts it together, for real and simulated
    "agent.service": "agent.acquisition agent.broker agent.clock agent.config agent.logs agent.messages agent.model "
    "agent.outbox agent.publisher agent.resilience agent.web drivers.bus drivers.catalog drivers.chip",
    "agent.simulation": "agent.broker agent.clock agent.config agent.messages agent.outbox agent.service drivers.bus "
    "drivers.catalog drivers.chip drivers.errors drivers.fakes",
    "agent.ingest": "agent.broker agent.clock agent.messages agent.resilience",
    "agent.cli": "agent.* drivers.*",
    "agent.__main__": "agent.cli",
}
MAY_IMPORT = {room: row for rooms, row in TABLE.items() for room in rooms.split()}
BEYOND = {"agent.cli", "agent.__main__"}  # what `agent.*` does not open: only rows that name them may

# library: the rooms that may import it
ONLY_IMPORTERS = {
    "paho": "agent.broker",
    "smbus2": "drivers.bus drivers.fakes",
    "serial": "drivers.bus",
    "gpiozero": "drivers.bus drivers.pins drivers.fakes",
    "lgpio": "drivers.bus",
    "sqlite3": "agent.outbox agent.ingest",
    "psycopg": "agent.ingest",
    "nats": "agent.ingest",
    "rich": "agent.cli",
}

# call: the files in which it is found
ONLY_CALLERS = {
    "Thread": "drivers/bus/worker.py drivers/fakes/uart.py agent/outbox/sqlite.py agent/service/files.py "
    "agent/broker/threads.py "
    "agent/cli/doctor/checks.py",
    "create_task": "agent/service/agent.py agent/simulation/demo.py agent/publisher/backlog.py "
    "agent/simulation/virtual_world.py "
    "agent/resilience/fallback.py agent/web/server.py agent/service/runs.py agent/service/requests.py "
    "agent/cli/demo.py",
    "ensure_future": "agent/service/reporter.py agent/publisher/publisher.py",
}

NO_ROOM_NAMES = {"helpers", "helper", "utils", "util", "common", "manager", "base", "misc", "tools"}


def module(file: Path) -> str:
    """Return a file's module, `agent.outbox.sqlite`."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def room(name: str) -> str:
    """Return the room of a module; for the library outside, its first name.

    >>> room("agent.outbox.sqlite"), room("paho.mqtt.client")
    ('agent.outbox', 'paho')
    """
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] in ("agent", "drivers") else parts[0]


def imports(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it."""
    package = module(file).split(".")[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                longer = f"{start}.{alias.name}"
                path = ROOT.joinpath(*longer.split("."))
                yield longer if path.is_dir() or path.with_suffix(".py").exists() else start


def inside(name: str) -> str:
    """Return the room that an import reaches: `import drivers` is the package's own face."""
    return room(name) if "." in name else f"{name}.__init__"


def allowed(of: str) -> Iterator[str]:
    """Yield the rooms that a room may import."""
    yield of
    for pattern in MAY_IMPORT[of].split():
        if pattern.endswith("*"):
            yield from (one for one in MAY_IMPORT if one.startswith(pattern[:-1]) and one not in BEYOND)
        else:
            yield pattern


@pytest.mark.parametrize("file", FILES, ids=module)
def test_a_room_looks_only_into_the_rooms_that_it_may(file: Path) -> None:
    of = room(module(file))
    assert of in MAY_IMPORT, f"{of} is a new room: say in the table above whom it may import"
    ours = {inside(name) for name in imports(file) if name.split(".")[0] in ("agent", "drivers")}
    assert ours <= set(allowed(of))


def test_the_table_names_no_room_that_is_gone() -> None:
    there = {room(module(file)) for file in FILES}
    named = {*MAY_IMPORT, *(one for row in MAY_IMPORT.values() for one in row.split() if not one.endswith("*"))}
    assert named == there


def test_the_table_allows_nothing_that_nobody_needs() -> None:
    used = {(room(module(file)), inside(name)) for file in FILES for name in imports(file)}
    named = {(of, one) for of, row in MAY_IMPORT.items() for one in row.split() if not one.endswith("*")}
    assert not named - used


@pytest.mark.parametrize("library", ONLY_IMPORTERS)
def test_a_library_is_imported_by_few_rooms(library: str) -> None:
    importers = {room(module(file)) for file in FILES if library in {room(name) for name in imports(file)}}
    assert importers <= set(ONLY_IMPORTERS[library].split())


def calls(file: Path) -> Iterator[str]:
    """Yield the last names of what a file calls."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


@pytest.mark.parametrize("call", ONLY_CALLERS)
def test_threads_and_tasks_begin_in_few_files(call: str) -> None:
    callers = {str(file.relative_to(ROOT)) for file in FILES if call in calls(file)}
    assert callers <= set(ONLY_CALLERS[call].split())


def test_resilience_needs_nothing_but_the_standard_library() -> None:
    import sys

    outside = {room(name) for file in FILES if room(module(file)) == "agent.resilience" for name in imports(file)} - {
        "agent.resilience"
    }
    assert outside <= set(sys.stdlib_module_names)


def test_a_room_has_a_name_that_says_something() -> None:
    names = {part for file in FILES for part in file.relative_to(ROOT).with_suffix("").parts}
    assert not names & NO_ROOM_NAMES
