"""True pseudo-terminals in virtual time."""

import os
import select
import tty
from collections.abc import Callable, Iterator

import pytest

from drivers import open_chip
from drivers.bus import clock
from drivers.fakes import FakeTime


class Line:
    """The other end of a port: what it says is due at a time, and `answers` makes an answer of what was written."""

    def __init__(self, time: FakeTime) -> None:
        self.time = time
        self.due: list[tuple[float, bytes]] = []
        self.heard = b""
        self.answers: Callable[[bytes], bytes] | None = None
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)

    def say(self, data: bytes, after: float = 0.0) -> None:
        """Send bytes, so many seconds from now."""
        self.due.append((self.time.now + after, data))
        self.due.sort(key=lambda one: one[0])
        self.pump()

    def every(self, period: float, frames: list[bytes]) -> None:
        """Send frames one after the other, the first after one period."""
        for number, frame in enumerate(frames, 1):
            self.say(frame, number * period)

    def sleep(self, seconds: float) -> None:
        """Let time pass for both ends."""
        if select.select([self.master], [], [], 0.002 if self.answers else 0.0)[0]:
            data = os.read(self.master, 4096)
            self.heard += data
            if answer := self.answers and self.answers(data):
                self.say(answer, seconds / 2)
        self.time.sleep(seconds)
        self.pump()

    def pump(self) -> None:
        """Send what is due."""
        while self.due and self.due[0][0] <= self.time.now:
            os.write(self.master, self.due.pop(0)[1])
            select.select([self.slave], [], [], 0.05)

    def hang_up(self) -> None:
        """Unplug the adapter."""
        for end in (self.slave, self.master):
            if end >= 0:
                os.close(end)
        self.master = self.slave = -1


@pytest.fixture
def time() -> Iterator[FakeTime]:
    """A clock that stands still until a driver waits."""
    made = FakeTime()
    clock.simulate(made)
    yield made
    clock.simulate(None)


@pytest.fixture
def line(time: FakeTime) -> Iterator[Line]:
    """A port, and what is at its other end."""
    made = Line(time)
    yield made
    made.hang_up()


@pytest.fixture
def sensor(line: Line) -> Iterator[Callable]:
    """Return a function that opens a driver on the line; its waits are the line's time."""
    made = []

    def make(name: str, **options):
        chip = open_chip(name, port=line.port, **options)
        chip.sleep = line.sleep
        made.append(chip)
        return chip

    yield make
    for chip in made:
        chip.close()
