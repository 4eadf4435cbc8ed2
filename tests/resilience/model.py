"""The executable model of a breaker: what rules B1 to B9 say, as plainly as possible, for one thread."""

import math
from random import Random


class Model:
    """A breaker without calls, hooks or locks: its callers say when they start and how they ended."""

    def __init__(
        self, threshold: int, reset: float, *, successes: int, multiplier: float, cap: float, rng: Random
    ) -> None:
        self.threshold, self.reset, self.successes = threshold, reset, successes
        self.multiplier, self.cap, self.rng = multiplier, cap, rng
        self.now = 0.0
        self.state = "closed"
        self.failures_in_a_row = 0
        self.good_probes = 0
        self.openings = 0
        self.period = 0.0
        self.ends = -math.inf  # of the open period, or of the probe's lease
        self.current: set[int] = set()  # the calls whose outcome is news
        self.calls = 0

    def retry_after(self) -> float:
        return 0.0 if self.state == "closed" else max(0.0, self.ends - self.now)

    def start(self) -> int | None:
        """Return the number of the call, None if it is refused."""
        if self.retry_after() > 0:
            return None
        if self.state != "closed":
            self.state = "half_open"
            self.ends = self.now + self.period
            self.current.clear()
        self.calls += 1
        self.current.add(self.calls)
        return self.calls

    def finish(self, call: int, outcome: str) -> None:
        if call not in self.current:
            return
        self.current.remove(call)
        if self.state == "closed":
            if outcome == "ok":
                self.failures_in_a_row = 0
            elif outcome == "fail":
                self.failures_in_a_row += 1
                if self.failures_in_a_row == self.threshold:
                    self.open()
        elif outcome == "fail":
            self.open()
        elif outcome == "ok" and self.good_probes + 1 == self.successes:
            self.state = "closed"
            self.failures_in_a_row = self.openings = self.good_probes = 0
            self.current.clear()
        else:
            self.good_probes += outcome == "ok"
            self.ends = -math.inf

    def open(self) -> None:
        self.state = "open"
        self.period = min(self.cap, self.reset * self.multiplier**self.openings) * (1 + self.rng.uniform(0, 0.1))
        self.openings += 1
        self.good_probes = 0
        self.ends = self.now + self.period
        self.current.clear()
