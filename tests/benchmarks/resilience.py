"""What the resilience core costs, as ratios to a bare call measured in the same run.

    python tests/benchmarks/resilience.py [--json]

Rounds are interleaved and medians taken, so that a busy machine disturbs all rows alike. `--json` prints one object.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agent.resilience import (  # noqa: E402
    AsyncCircuitBreaker,
    CircuitBreaker,
    CircuitOpenError,
    read_sensor_with_fallback,
    retry_with_backoff,
)

CALLS = 4000
ROUNDS = 21
BREAKERS = 1000
IMPORTS = 7
BUDGETS = {
    "retry, async": 5.0,
    "breaker, async": 4.0,
    "whole stack": 15.0,
    "refusal, async": 20.0,
    "bytes per breaker": 600.0,
    "import, ms": 4.0,
    "import, KiB": 400.0,
}
IMPORT = """
import asyncio, sys, time

def resident():
    with open("/proc/self/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmRSS")))

sys.path.insert(0, {root!r})
import agent
before = resident()
began = time.process_time()
import agent.resilience
print((time.process_time() - began) * 1e3, resident() - before)
"""


async def read() -> int:
    return 1


def read_blocking() -> int:
    return 1


async def spent_awaiting(call: Callable[..., Awaitable[object]], *arguments: object) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        await call(*arguments)
    return time.perf_counter() - began


async def spent_being_refused(call: Callable[..., Awaitable[object]], *arguments: object) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        try:  # noqa: SIM105
            await call(*arguments)
        except CircuitOpenError:
            pass
    return time.perf_counter() - began


def spent_blocking(call: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        call(*arguments)
    return time.perf_counter() - began


def spent_refusing(call: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        try:  # noqa: SIM105
            call(*arguments)
        except CircuitOpenError:
            pass
    return time.perf_counter() - began


async def ratios() -> dict[str, float]:
    """Return the rows that are ratios to a bare call of the same kind."""
    closed, opened = AsyncCircuitBreaker(), AsyncCircuitBreaker(reset_timeout_seconds=120)
    closed_blocking, opened_blocking = CircuitBreaker(), CircuitBreaker(reset_timeout_seconds=120)
    opened.trip()
    opened_blocking.trip()
    retrying = retry_with_backoff()(read)
    retrying_blocking = retry_with_backoff()(read_blocking)
    rows: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        bare = await spent_awaiting(read)
        bare_blocking = spent_blocking(read_blocking)
        for row, spent in {
            "retry, async": await spent_awaiting(retrying) / bare,
            "breaker, async": await spent_awaiting(closed.call, read) / bare,
            "whole stack": await spent_awaiting(read_sensor_with_fallback, "s", retrying, closed) / bare,
            "whole stack, open": await spent_awaiting(read_sensor_with_fallback, "s", retrying, opened) / bare,
            "refusal, async": await spent_being_refused(opened.call, read) / bare,
            "retry, blocking": spent_blocking(retrying_blocking) / bare_blocking,
            "breaker, blocking": spent_blocking(closed_blocking.call, read_blocking) / bare_blocking,
            "refusal, blocking": spent_refusing(opened_blocking.call, read_blocking) / bare_blocking,
        }.items():
            rows.setdefault(row, []).append(spent)
    return {row: statistics.median(spent) for row, spent in rows.items()}


def bytes_per_breaker() -> float:
    """Return what one more breaker occupies, after it has been open once."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    breakers = [AsyncCircuitBreaker() for _ in range(BREAKERS)]
    for breaker in breakers:
        breaker.trip()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(breakers)


def import_costs() -> tuple[float, float]:
    """Return milliseconds and KiB of the import in a fresh interpreter that has imported asyncio."""
    script = IMPORT.format(root=str(ROOT))
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, "-c", script]
        runs = [subprocess.run(command, capture_output=True, check=True, env=environment) for _ in range(IMPORTS + 1)][
            1:
        ]  # the first one compiles
    costs = [[float(each) for each in run.stdout.split()] for run in runs]
    return statistics.median(ms for ms, _ in costs), statistics.median(kib for _, kib in costs)


def main() -> int:
    parser = argparse.ArgumentParser(description="What the resilience core costs.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    measured = asyncio.run(ratios())
    measured["bytes per breaker"] = bytes_per_breaker()
    measured["import, ms"], measured["import, KiB"] = import_costs()
    over = [row for row, budget in BUDGETS.items() if measured[row] > budget]
    if arguments.json:
        print(json.dumps({"measured": measured, "budgets": BUDGETS, "over": over}))
    else:
        print(f"{'':20}{'measured':>10}{'budget':>10}")
        for row, value in measured.items():
            print(f"{row:20}{value:10.1f}{BUDGETS.get(row, '-'):>10}{'  over budget' if row in over else ''}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
