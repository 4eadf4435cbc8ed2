"""A sensor that reads no device: it votes on what other sensors measure. The agent computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from ..errors import NotSupported
from .driver import Driver
from .options import ListOf, Matching, TableOf, Within
from .quantity import Measurement

ID = Matching(r"[a-z0-9_-]{1,64}", "the id of a sensor")


class Vote(Driver):
    """What several sensors agree on: the median of three or more, the mean of two.

    Args:
        of: ids of the sensors that vote.
        tolerance: how far they may differ, by quantity, in its unit; beyond, the reading is suspect and says who.
    """

    name = "vote"
    bus_name: ClassVar[str] = "vote"
    takes = 0.0
    holds = 0.0

    def __init__(
        self,
        *,
        of: Annotated[Sequence[str], ListOf(ID, least=2, unique=True)],
        tolerance: Annotated[Mapping[str, float] | None, TableOf(Within(0.0))] = None,
    ) -> None:
        self.of, self.tolerance = tuple(of), dict(tolerance or {})

    def measure(self) -> Measurement:
        """Raise NotSupported: there is no device."""
        raise NotSupported("a vote reads no device; the agent computes it from the sensors in `of`")
