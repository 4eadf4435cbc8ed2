"""Time for tests: `runner` is an event loop whose clock jumps instead of waiting; no test may take for ever."""

import asyncio
import contextlib
import logging
import selectors
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import hypothesis
import pytest

LONGEST = 120.0  # seconds of real time for a test, and for its fixtures; `@pytest.mark.longest(600)` allows more
PATIENCE = 5.0  # real seconds that a socket or a thread may keep an otherwise idle loop waiting


class VirtualClock:
    """Seconds since the test began. Call it for the time, `advance` it by hand where no loop runs."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now += seconds


class VirtualSelector(selectors.BaseSelector):
    """Where a loop would wait for its next timer, moves the clock there.

    Nothing scheduled is a deadlock and raises at once, unless somebody outside the loop may still wake it: a socket
    that the test registered (the loop's own wake-up pipe is none) or another thread. These are waited for in real time.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.real = selectors.DefaultSelector()
        # Threads that earlier tests left behind cannot wake this loop, and may end while it runs.
        self.strangers = frozenset(threading.enumerate())

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self.real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self.real.get_map()

    def close(self) -> None:
        self.real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        outsiders = len(self.real.get_map()) > 1 or not self.strangers.issuperset(threading.enumerate())
        if timeout is None:
            ready = self.real.select(PATIENCE if outsiders else 0)
            if not ready:
                raise RuntimeError("deadlock: every task waits, nothing is scheduled, nobody outside can help")
            return ready
        # An outsider gets a moment of real time, lest a timeout overtake an answer that is under way.
        ready = self.real.select(min(timeout, 0.001) if outsiders else 0)
        if not ready:
            self.clock.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by a virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(VirtualSelector(clock))
        self.clock = clock

    def time(self) -> float:
        return self.clock.now


class VirtualRunner(asyncio.Runner):
    """An `asyncio.Runner` in virtual time; `clock` is its time, callable, and good as a `clock` parameter."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        super().__init__(loop_factory=lambda: VirtualLoop(self.clock))


@pytest.fixture
def runner() -> Iterator[VirtualRunner]:
    """A runner whose `run(coroutine)` takes no real time to wait: `runner.clock()` tells the virtual time."""
    with VirtualRunner() as virtual:
        yield virtual


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[..., list[logging.LogRecord]]:
    """Return a function that returns what these loggers, and those below them, have logged."""

    def records(*names: str) -> list[logging.LogRecord]:
        return [one for one in caplog.records if any(f"{one.name}.".startswith(f"{name}.") for name in names)]

    return records


# A machine that is slow, or busy with something else, is no reason for a red test.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "longest(seconds): how long the test may take")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    with _bounded(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with _bounded(item):
        return (yield)


@contextlib.contextmanager
def _bounded(item: pytest.Item) -> Iterator[None]:
    """Fail the test where it hangs, when its time is over; not while somebody looks at it in a debugger."""
    marker = item.get_closest_marker("longest")
    seconds = float(marker.args[0]) if marker else LONGEST
    if not hasattr(signal, "setitimer") or sys.gettrace() is not None or item.config.getoption("usepdb"):
        yield
        return

    def expired(*_: object) -> None:
        pytest.fail(f"takes longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
