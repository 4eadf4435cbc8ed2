"""How many devices knock at once when a broker comes back after a long outage.

A device tries again after waits that grow to the longest one, each lengthened at random by up to a share of itself. Its
next try is followed as a probability in steps of a second; `deploy/fleet/storm.py` plays the same with real publishers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

OUTAGE = 600  # seconds
# The breaker's `reset_jitter`: a wait is lengthened by up to this share of it.
JITTER = 0.5
# The fullest second of many holds more than it does on average: about two standard deviations.
CHANCE = 2.0


def most_connects(devices: int, first: float, longest: float, multiplier: float, outage: int = OUTAGE) -> int:
    """Return how many connects come in the fullest second after an outage.

    Args:
        first, longest: the breaker's waits, in seconds, which grow by `multiplier`.
        outage: seconds.
    """
    expected = devices * max(_next_tries(first, longest, multiplier, outage))
    return math.ceil(min(devices, expected + CHANCE * math.sqrt(expected)))


def _next_tries(first: float, longest: float, multiplier: float, outage: int) -> Sequence[float]:
    """Return the probability that a device's first try after the outage comes in each second of it."""
    seconds = outage + math.ceil(longest * (1 + JITTER)) + 2
    # Before the breaker has a say a device tries again within two seconds.
    tries, wait = [0.5, 0.5, *[0.0] * (seconds - 2)], min(first, longest)
    after = [0.0] * (seconds - outage)
    while sum(tries[:outage]) > 1e-6:
        after = [one + more for one, more in zip(after, tries[outage:], strict=True)]
        tries = _delayed(tries[:outage], wait, seconds)
        wait = min(longest, wait * multiplier)
    return [one + more for one, more in zip(after, tries[outage:], strict=True)]


def _delayed(tries: Sequence[float], wait: float, seconds: int) -> list[float]:
    """Return the tries that follow failed ones."""
    shortest = max(1, round(wait))
    width = max(1, round(wait * (1 + JITTER)) - shortest)
    sums = [0.0, *accumulate(tries)]

    def until(second: int) -> float:
        return sums[min(max(second, 0), len(tries))]

    return [(until(now - shortest + 1) - until(now - shortest - width + 1)) / width for now in range(seconds)]
