"""What is wrong with that which a batch says of one sensor; each function yields it in words, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from known import Known, ScheduledFault, Span

MILLISECOND = 0.0021  # two stamps, each rounded
BUS_OPEN = 77.0  # seconds from a bus's last failure to its next probe: its breaker's longest period, and a round
PERIODS = (30.0, 60.0, 120.0)  # seconds that a sensor's breaker stays open: at first, then after each failed probe
JITTER = 1.1
LONGEST = 2.6  # seconds of a round in which something hangs
TEN_MINUTES = 600.0
APART = 0.5  # seconds: a reading that was measured farther from its batch's moment says when
CONVERSION = 0.2  # seconds from what a fake feels to the end of the longest conversion

CERTAIN = ("unplugged", "nack", "hang", "stuck", "bug", "wrong_chip")  # nothing gets through
OF_THE_BUS = ("hang", "stuck")  # the other sensors of the bus suffer, too
UNPOWERED = ("power_loss", "unplugged", "wrong_chip")
NEVER_RETRIED = ("TypeError", "WrongChip")
DAMAGED = frozenset({"ChecksumError", "LostPower", "InvalidReading", "WrongChip"})
ERRORS = {
    "unplugged": {"NoAcknowledge"},
    "nack": {"NoAcknowledge"},
    "flaky": {"NoAcknowledge"},
    "hang": {"BusTimeout", "BusStuck"},
    "stuck": {"BusTimeout", "BusStuck"},
    "bug": {"TypeError"},
    "corrupt": DAMAGED,
    "wrong_chip": DAMAGED,
    "power_loss": {"LostPower", "NotReady"},
}


@dataclass(frozen=True, slots=True)
class Round:
    """The time of one sensor's turn, and what was scheduled for it.

    Attributes:
        since, until: when the round was due, and when its batch was made.
        measured: quantity -> when, as far as the batch tells.
        bus: the faults on the sensor's bus in the ten minutes before `until`.
        waits: a breaker of a sensor on this bus was open before.
    """

    since: float
    until: float
    bus: Sequence[ScheduledFault]
    waits: bool
    measured: Mapping[str, Span]

    def near(self) -> list[ScheduledFault]:
        """Return the faults on the bus while the round lasted."""
        return [one for one in self.bus if one.touches(self.since, self.until)]

    def own(self, known: Known) -> list[ScheduledFault]:
        """Return those of them that the sensor itself has."""
        return [one for one in self.near() if one.address in (None, known.spec.address)]


def values(known: Known, readings: Mapping[str, Any], turn: Round) -> Iterator[str]:
    """Judge fresh values and their statuses."""
    quantities = {quantity.name: quantity for quantity in known.quantities}
    # an LM75 has no checksum: two damaged reads may agree
    blind = known.spec.driver == "lm75" and any(one.kind == "corrupt" for one in turn.own(known))
    if readings.keys() != quantities.keys():
        yield f"only {list(readings)} is told"
    for name, reading in readings.items():
        value, (low, high) = reading["value"], known.spec.limits.get(name, (float("-inf"), float("inf")))
        first, last = turn.measured[name]
        if not turn.since - MILLISECOND <= first <= last <= turn.until + MILLISECOND:
            yield f"{name} was measured at {first:.3f}..{last:.3f}, not within {turn.since:.3f}..{turn.until:.3f}"
        elif not blind and not known.felt(quantities[name], value, max(turn.since, first - CONVERSION), last):
            yield f"{name} is {value}, the fake feels {known.feels(name, last):.3f}"
        right = "ok" if low <= value <= high else "suspect"
        if reading["status"] != right or ("reason" in reading) != (right == "suspect"):
            yield f"{name} of {value} is {reading['status']}, not {right}"
        if reading["unit"] != quantities[name].unit:
            yield f"{name} is in {reading['unit']}"
    if any(one.kind in CERTAIN and one.spans(turn.since, turn.until) for one in turn.own(known)):
        yield f"is read, though it has {[one.kind for one in turn.own(known)]}"


def replacements(known: Known, readings: Mapping[str, Any], source: Known | None, turn: Round) -> Iterator[str]:
    """Judge what takes the place of readings: last values with their ages, or another sensor's."""
    due = turn.since
    right: dict[str, dict[str, Any]] = {}
    if known.spec.fallback == "last":
        right = {
            name: {"status": "stale", "value": value, "age": round(due - turn.measured.get(name, (due, due))[0], 3)}
            for name, (value, (first, last)) in known.good.items()
            # where the very end is not known, what is said of it is taken
            if due - (last if name in readings else first) <= known.spec.max_age
        }
    elif source is not None:
        right = {
            quantity.name: {"status": "substituted", "value": source.shown[quantity.name], "source": source.spec.id}
            for quantity in known.quantities
            if quantity.name in source.sound
        }
    for name in right.keys() | readings.keys():
        expected, found = right.get(name), readings.get(name)
        if expected is None or found is None or any(not same(found.get(key), expected[key]) for key in expected):
            yield f"{name} is replaced by {found}, not by {expected}"
            continue
        origin = known.good[name][1] if source is None else source.measured[name]
        if not within(turn.measured[name], origin):
            yield f"{name} says that it was measured at {turn.measured[name]}, but that was {origin}"


def attempts(known: Known, fault: Mapping[str, Any], turn: Round) -> Iterator[str]:
    """Judge the attempts and the error of a fault."""
    made, error, probes = fault["attempts"], fault["error"], known.breaker != "closed"
    own, refused = turn.own(known), probes and turn.since < known.until
    if made == 0:
        stuck = error == "BusStuck" and (any(one.kind in OF_THE_BUS for one in turn.near()) or bus_was_dead(turn))
        if not stuck and not (refused and error == known.error):
            yield f"was not asked because of {error}, before that {known.error or 'nothing'}; refused: {refused}"
        return
    if refused:
        yield f"was asked {known.until - turn.since:.1f} s before its breaker lets it"
    if not any(error in ERRORS[one.kind] for one in own) and not (error == "LostPower" and lost_power(known, turn)):
        yield f"{error} after {made} attempts, but it has {[one.kind for one in own]}"
    hangs = any(one.kind == "hang" for one in own)
    right = 1 if probes or hangs or error in NEVER_RETRIED else 3
    differs = hangs or error == "WrongChip"  # one attempt may have met another error than the next
    if made > (1 if probes else 3) or (made != right and not differs):
        yield f"{made} attempts, {error}, breaker {known.breaker}"


def breaker(known: Known, fault: Mapping[str, Any], until: float) -> Iterator[str]:
    """Judge a breaker after a fault; a hang may open it at once."""
    state, left = fault["breaker"], fault["retryAfter"]
    if (left is None) != (state == "closed"):
        yield f"a breaker that is {state} is asked again in {left} s"
    elif fault["attempts"] == 0:
        if state != known.breaker or (left and abs(until + left - known.until) > MILLISECOND):
            yield f"its breaker was {known.breaker} until {known.until:.3f}, now {state} for {left} s"
    elif fault["error"] == "TypeError":
        if state != ("closed" if known.breaker == "closed" else "half_open"):
            yield f"a bug has made the breaker {state}"
    else:
        opens = known.breaker != "closed" or known.failures + 1 >= known.spec.breaker.failure_threshold
        if fault["error"] != "BusTimeout" and (state == "open") != opens:
            yield f"its breaker is {state} after {known.failures + 1} failures"
        period = PERIODS[min(known.openings, len(PERIODS) - 1)]
        if state == "open" and not period - LONGEST <= left <= period * JITTER + MILLISECOND:
            yield f"opening {known.openings + 1} of its breaker is for {left} s, not for {period:g} s"


def bus_was_dead(turn: Round) -> bool:
    """Return whether the bus's breaker may still be open: all of it was silent, or two of its sensors hung in turn.

    A sensor whose own breaker is open cannot probe its bus before that has ended, too; a hang prolongs all of it.
    """
    earliest = turn.since - BUS_OPEN - turn.waits * PERIODS[-1] * JITTER
    before = [one for one in turn.bus if one.kind in OF_THE_BUS]
    dead = any(one.kind == "stuck" for one in before) or len({one.address for one in before}) > 1
    return dead and any(one.touches(earliest, turn.since) for one in before)


def lost_power(known: Known, turn: Round) -> bool:
    """Return whether the chip was without power since its last reading: its first probe finds that out."""
    last = known.last_ok[0] if known.last_ok else turn.until - TEN_MINUTES
    return any(
        one.address == known.spec.address and one.kind in UNPOWERED and one.touches(last, turn.since)
        for one in turn.bus
    )


def within(one: Span, other: Span) -> bool:
    """Return whether two spans meet."""
    return one[0] <= other[1] + MILLISECOND and other[0] <= one[1] + MILLISECOND


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same; numbers within a millisecond."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < MILLISECOND
    return bool(one == other)
