"""Draws the picture of `limpet demo` in this folder: the demo itself, at the moment at which its breaker has opened.

python deploy/pictures/demo.py; it takes some seconds, needs the extra `demo`, and shows other values each time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from draw import HERE, svg
from rich.console import RenderableType
from rich.text import Text

from agent.cli.watching.picture import Picture
from agent.cli.watching.table import screen
from agent.simulation.demo import Demo

SIZE = (100, 18)
MOMENT = "unplugged"  # what the demo says of the present
DEGRADED = 3  # batches


async def play() -> list[RenderableType]:
    """Return the lines that the demo shows while a sensor is unplugged."""
    picture = Picture()
    missed, enough = 0, asyncio.Event()

    def hear(message: Any) -> None:
        nonlocal missed
        if not hasattr(message, "topic"):
            picture.line(message, time.time())
        elif picture.take(message) is not None and MOMENT in demo.now:
            missed += 1
            if missed == DEGRADED:
                enough.set()

    demo = Demo(hear)
    running = asyncio.create_task(demo.run())
    await enough.wait()
    note = Text.assemble(("  NOW      ", "bold"), (demo.now, "bold yellow"))
    lines = screen(picture, time.time(), SIZE, title="limpet demo", note=note, foot="  Ctrl-C ends it")
    demo.stop()
    await running
    return [lines]


if __name__ == "__main__":
    # What the agent logs, the picture shows.
    logging.getLogger().addHandler(logging.NullHandler())
    (HERE / "demo.svg").write_text(svg("demo.svg", asyncio.run(play()), "limpet demo") + "\n", encoding="utf-8")
