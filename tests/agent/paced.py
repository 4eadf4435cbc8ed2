"""A whole agent in a thread. Its hours pass in a moment, until a browser looks at it: then its time is the real one."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from whole import Whole, whole

from agent.simulation.virtual import VirtualClock, VirtualLoop, VirtualSelector

T = TypeVar("T")
READY_WITHIN = 60.0  # seconds


class PacedSelector(VirtualSelector):
    """Time that jumps, or that is the real one while it is `paced`."""

    paced = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        began = time.monotonic()
        # Hours would last minutes if each step waited for the browser.
        ready = self.real.select(timeout if self.paced or timeout is None else 0)
        if self.paced:
            self.clock.advance(time.monotonic() - began)
        elif not ready:
            self.clock.advance(timeout or 0.0)
        return ready


class PacedLoop(VirtualLoop):
    """An event loop whose `pace` belongs to whoever holds it."""

    def __init__(self) -> None:
        clock = VirtualClock()
        self.pace = PacedSelector(clock)
        asyncio.SelectorEventLoop.__init__(self, self.pace)
        self.clock = clock


class PacedAgent:
    """An agent that serves its page.

    Args:
        text: the configuration, without `[web]`.
        lived: seconds that have passed when the page can be opened.
        prepare: called with the agent's surroundings before these seconds pass.
        port: where the page is served; 0: anywhere.
        more: for the agent.
    """

    def __init__(
        self,
        text: str,
        lived: float = 0.0,
        prepare: Callable[[Whole], object] = lambda _: None,
        *,
        port: int = 0,
        **more: Any,
    ) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._text = f'{text}\n[web]\nlisten = "{self.url[7:-1]}"\n'
        self._lived, self._prepare, self._more = lived, prepare, more
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> PacedAgent:
        self._thread.start()
        assert self._ready.wait(READY_WITHIN), "the agent is not ready"
        assert self._thread.is_alive(), "the agent has ended"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(READY_WITHIN)

    def forward(self, seconds: float) -> None:
        """Let time pass at once."""
        self._in_the_loop(self._forward(seconds))

    def do(self, function: Callable[[Whole], T]) -> T:
        """Call a function with the agent's surroundings, in its thread."""

        async def call() -> T:
            return function(self.home)

        return self._in_the_loop(call())

    def call(self, function: Callable[[Whole], Coroutine[Any, Any, T]]) -> T:
        """Await what a function of the agent's surroundings returns, in its thread."""
        return self._in_the_loop(function(self.home))

    def _in_the_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(READY_WITHIN)

    async def _forward(self, seconds: float) -> None:
        self.loop.pace.paced = False
        await asyncio.sleep(seconds)
        self.loop.pace.paced = True

    def _run(self) -> None:
        self.loop = PacedLoop()
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
                runner.run(self._live())
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._stop = asyncio.Event()
        async with whole(self._text, **self._more) as self.home:
            self._prepare(self.home)
            await self._forward(self._lived)
            self._ready.set()
            await self._stop.wait()
            self.loop.pace.paced = False
