"""What the sessions of one publisher share, one after the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from agent.messages.topics import Topics
from agent.outbox import Outbox

from .pacing import Traffic
from .retained import Retained


class Wall(Protocol):
    """What of the agent's clock is needed here; see `agent.clock.Clock`."""

    kernel_boot: str

    def now(self) -> float: ...
    def synced(self) -> bool: ...
    def stamp(self, taken: float) -> str: ...


@dataclass(slots=True)
class Shared:
    """What the sessions of one publisher share.

    Attributes:
        answers: messages that are worth one attempt.
        complaints: when the same may be logged again.
        suspect: the batch that seems to end connections by its size, and how many it has ended.
    """

    outbox: Outbox
    clock: Wall
    topics: Topics
    retained: Retained
    traffic: Traffic
    answers: deque[tuple[str, bytes]]
    require_subscriber: bool = False
    largest_delivered: int = 0
    complaints: dict[tuple[str, str], float] = field(default_factory=dict)
    suspect: tuple[tuple[str, int], int] | None = None
