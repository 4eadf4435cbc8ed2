"""What earlier sessions have taught about this broker: what it lacks, what it refuses, which will it takes."""

from __future__ import annotations

from collections.abc import Callable

from agent.messages.topics import Topics
from agent.resilience.schedule import Rng

from .holds import Holds
from .last_will import LastWill
from .limits import Limits
from .refusals import Complaints, Refusal, Refusals
from .trials import Trials


class Experience:
    """Lives as long as the publisher, on its event loop.

    Args:
        changed: called when `refused` may have another result.
    """

    def __init__(self, topics: Topics, now: Callable[[], float], rng: Rng, changed: Callable[[], object]) -> None:
        complaints = Complaints(now, changed)
        self.refusals, self.holds = Refusals(now, rng, complaints), Holds(now, rng, complaints)
        self.limits = Limits(now)
        self.trials = Trials(self.limits)
        self.will = LastWill(topics.status, b"offline", self.limits)

    def reset(self) -> None:
        """Forget everything: the configuration, or the broker's, may be another now."""
        for part in (self.refusals, self.holds, self.limits, self.trials, self.will):
            part.reset()

    def forget_refusals(self) -> None:
        """Let everything be sent again, because we send it in another way now."""
        self.refusals.reset()
        self.holds.reset()

    def refused(self) -> tuple[Refusal, ...]:
        """Return what the broker does not take at present."""
        return self.refusals.listed() + self.holds.listed()
