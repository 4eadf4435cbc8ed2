"""What the service costs in counts, which do not depend on the machine's mood. Writes service_costs.toml as a module.

Calls of functions of this project, counted in virtual time: those of a reading, and those of a round beside its
readings. Bytes of a batch. The modules that `limpet run` imports.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from agent.simulation.virtual import VirtualRunner
from tests.agent.whole import whole

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_suffix(".toml")
FEW, MANY = 5, 50
ROUNDS = 20
# Above what stands in for the world.
NOT_COUNTED = ("agent/simulation/", "drivers/fakes/")
# What `limpet run` has imported when its first round begins: one chip, a store on disk, a broker over TCP.
IMPORTED = """
import sys
import agent.cli.main, agent.cli.run, agent.service.runs, agent.outbox.sqlite, agent.broker.link, drivers.chips.lm75
print(*sorted(sys.modules))
"""


def config(count: int) -> str:
    """Return the configuration of an agent with so many sensors on four buses."""
    head = '[agent]\ndevice_id = "pi"\nevery = "1s"\n[outbox]\ndurability = "memory"\n'
    sensors = (
        f'[[sensor]]\nid = "s{n}"\ndriver = "lm75"\nbus = {1 + n % 4}\naddress = {0x08 + n // 4}\n'
        for n in range(count)
    )
    return head + "".join(sensors)


def counted(count: int) -> tuple[float, float]:
    """Return the calls of a round of so many sensors, and the bytes of its batch."""
    calls = 0
    ours: dict[CodeType, bool] = {}

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        if event == "call":
            code = frame.f_code
            if code not in ours:
                ours[code] = _is_counted(code.co_filename)
            calls += ours[code]

    async def story() -> float:
        async with whole(config(count)) as home:
            await home.settle(30.0)
            sys.setprofile(profile)
            await home.settle(float(ROUNDS))
            sys.setprofile(None)
            return len(home.last("limpet/pi/batch"))

    with VirtualRunner() as runner:
        size = runner.run(story())
    return calls / ROUNDS, size


def _is_counted(file: str) -> bool:
    if not file.startswith(str(ROOT)):
        return False
    within = Path(file).relative_to(ROOT).as_posix()
    return within.startswith(("agent/", "drivers/")) and not within.startswith(NOT_COUNTED)


def costs() -> dict[str, float]:
    """Return the figures."""
    (few, few_bytes), (many, many_bytes) = counted(FEW), counted(MANY)
    of_a_reading = (many - few) / (MANY - FEW)
    return {
        "calls_of_a_reading": round(of_a_reading, 1),
        "calls_of_a_round": round(few - FEW * of_a_reading, 1),
        "bytes_of_a_reading_among_5": round(few_bytes / FEW, 1),
        "bytes_of_a_reading_among_50": round(many_bytes / MANY, 1),
    }


def imports() -> list[str]:
    """Return the modules that the service imports, without those of the standard library."""
    return sorted(name for name in everything() if name.partition(".")[0] in ("agent", "drivers", "paho", "smbus2"))


def everything() -> list[str]:
    """Return all modules that the service imports."""
    command = [sys.executable, "-c", IMPORTED]
    return subprocess.run(command, capture_output=True, check=True, text=True, cwd=ROOT).stdout.split()


def known() -> dict[str, Any]:
    """Return what the file says."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def main() -> None:
    """Write the file."""
    lines = [f"{name} = {value}" for name, value in costs().items()]
    modules = "".join(f'    "{name}",\n' for name in imports())
    text = "# Made by `python -m tests.laws.service_costs`.\n" + "\n".join(lines) + f"\nimports = [\n{modules}]\n"
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
