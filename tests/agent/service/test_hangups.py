"""SIGHUP is a wish to reload, and is lost at no moment."""

from __future__ import annotations

import asyncio
import signal

import pytest

from agent.service.signals import Hangups


@pytest.fixture
def hangups():
    before = signal.getsignal(signal.SIGHUP)
    yield Hangups()
    signal.signal(signal.SIGHUP, before)


def heard(runner, hangups, *, during: int = 0) -> int:
    """Return how often a run is woken that gets so many signals."""

    async def run() -> int:
        count = 0

        def wake() -> None:
            nonlocal count
            count += 1

        hangups.listen(wake)
        for _ in range(during):
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        hangups.ignore()
        return count

    return runner.run(run())


def test_wakes_the_run_that_listens_each_time(runner, hangups):
    assert heard(runner, hangups, during=3) == 3


def test_is_kept_while_no_run_listens_and_told_once_to_the_next(runner, hangups):
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)
    assert heard(runner, hangups) == 1
    assert heard(runner, hangups) == 0
    signal.raise_signal(signal.SIGHUP)
    assert heard(runner, hangups, during=1) == 2
