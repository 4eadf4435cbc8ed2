"""What blocks, done in a thread that is left behind when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

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
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: Exception | None) -> None:
        if future.done():
            if error is None:
                late(result)
        elif error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001
            problem = error
        try:
            loop.call_soon_threadsafe(settle, result, problem)
        except RuntimeError:
            if problem is None:
                late(result)  # type: ignore[arg-type]

    try:
        threading.Thread(target=run, name="connect", daemon=True).start()
    except RuntimeError as error:
        raise BrokerLost(f"no thread to connect with: {error}") from error
    async with asyncio.timeout(seconds):
        return await future


def background(main: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    """Run `main()` on a loop in a daemon thread of its own, until it returns or is cancelled."""

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(main())

    threading.Thread(target=run, name=name, daemon=True).start()
