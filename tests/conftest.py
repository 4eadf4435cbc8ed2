"""Time for tests: `runner` is an event loop whose clock jumps instead of waiting; no test may take for ever."""

import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Generator, Iterator

import hypothesis
import pytest

from agent.simulation.virtual import VirtualRunner

LONGEST = 120.0  # seconds of real time for a test, and for its fixtures; `@pytest.mark.longest(600)` allows more


@pytest.fixture
def runner() -> Iterator[VirtualRunner]:
    """A runner whose `run(coroutine)` takes no real time to wait: `runner.clock()` tells the virtual time."""
    with VirtualRunner() as virtual:
        yield virtual


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a command sets up: what a test finds in the log must not depend on the one before it."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


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
