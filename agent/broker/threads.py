"""What blocks, done in a thread that is left behind when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from . import BrokerLost

T = TypeVar("T")


async def off_loop(work: Callable[[], T], seconds: float, *, late: Callable[[T], object] = lambda _: None) -> T:
    """Return what `work` returns; it runs in a daemon thread, for which nothing waits after `seconds` nor at exit.

    Args:
        late: takes the result if it comes too late, in the loop or, once the loop is gone, in the thread.

    Raises:
        TimeoutError: it took longer.
        BrokerLost: there is no thread to be had.
    """
    job = _Job(work, late)
    try:
        threading.Thread(target=job.run, name="connect", daemon=True).start()
    except RuntimeError as error:
        raise BrokerLost(f"no thread to connect with: {error}") from error
    async with asyncio.timeout(seconds):
        return await job.future


class _Job(Generic[T]):
    """Work in a thread, and the future that waits for it on the loop that made it."""

    def __init__(self, work: Callable[[], T], late: Callable[[T], object]) -> None:
        self._work, self._late = work, late
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """Do the work, in the thread."""
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001
            # Without a loop there is none to report to.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._fail, error)
            return
        try:
            self._loop.call_soon_threadsafe(self._succeed, result)
        except RuntimeError:
            self._late(result)

    def _succeed(self, result: T) -> None:
        if self.future.done():
            self._late(result)
        else:
            self.future.set_result(result)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


def background(main: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    """Run `main()` on a loop in a daemon thread of its own, until it returns or is cancelled."""

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(main())

    threading.Thread(target=run, name=name, daemon=True).start()
