"""Futures of a connection that may fail when nothing waits for them."""

from __future__ import annotations

import asyncio

from . import BrokerError


def failed(error: BrokerError) -> asyncio.Future[int]:
    """Return a future that has failed."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    future.add_done_callback(noticed)
    return future


def noticed(future: asyncio.Future[int]) -> None:
    """Keep asyncio from complaining of a failure for which nothing waits."""
    if not future.cancelled():
        future.exception()
