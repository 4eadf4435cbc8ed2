"""A sensor that asks other sensors: the median of three or more, the mean of two, and who disagrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median, median_high
from typing import Any

from agent.model import Reading
from drivers.chip import Quantity
from drivers.chip.vote import Vote
from drivers.errors import BeyondRange, InvalidReading, NotReady

from .calibration import is_state
from .conclusion import Told
from .sensor import Sensor
from .turn import Outcome

# Of the longer interval, the member's or the vote's: an older reading does not vote.
FRESH = 1.5


class VoteSensor(Sensor):
    """A vote. It is concluded after its members, from what they report; it has no turn and no attempts.

    Only what a member has measured itself votes: a stale or substituted value would be counted for what it is not. A
    suspect one votes where no other does, and the result is suspect.

    Args:
        find: returns the sensor of an id; a reload may replace it.
    """

    def __init__(self, name: str, chip: Vote, *, find: Callable[[str], Sensor | None], **more: Any) -> None:
        super().__init__(name, chip, **more)
        self.voters, self.tolerance, self._find = chip.of, chip.tolerance, find
        self._known: list[Sequence[Quantity]] = []

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What all its members measure. Some of them find that out at their first reading."""
        known = [one.quantities for one in self._members()]
        if len(known) != len(self._known) or any(a is not b for a, b in zip(known, self._known, strict=True)):
            self._known, self.chip.quantities = known, common(known)
        return super().quantities

    def conclude(self, due: float, now: float) -> Told:  # noqa: ARG002
        """Return what the members agree on at the moment for which the round was due."""
        values: dict[str, Any] = {}
        doubts: dict[str, str] = {}
        measured: list[float] = []
        _ = self.quantities
        for quantity in self.chip.quantities:
            votes = self._votes(quantity.name, due)
            if not votes:
                values[quantity.name] = self._why_none(quantity.name)
                continue
            values[quantity.name], doubt = self._elected(quantity, votes)
            measured += [due if one.measured is None else one.measured for one in votes.values()]
            if doubt is not None:
                doubts[quantity.name] = doubt
        if not measured and not any(isinstance(one, BeyondRange) for one in values.values()):
            return self.conclusions.of(Outcome(error=NotReady(self._silence()), attempts=1, at=due), due)
        # Of the oldest vote: the result is not fresher than what it comes from.
        return self.conclusions.of(Outcome(values, None, 1, min(measured, default=due), 0.0, doubts), due)

    def _members(self) -> list[Sensor]:
        return [one for one in map(self._find, self.voters) if one is not None]

    def _votes(self, quantity: str, due: float) -> dict[str, Reading]:
        """Return the readings that vote, by member: the good ones, or the suspect ones where there is none."""
        found: dict[str, Reading] = {}
        for member in self._members():
            oldest = due - FRESH * max(self.every, member.every) - member.chip.takes
            for one in member.present.readings:
                if one.quantity == quantity and (one.measured is None or one.measured >= oldest):
                    found[member.id] = one
        good = {name: one for name, one in found.items() if one.status == "ok"}
        return good or {name: one for name, one in found.items() if one.status == "suspect"}

    def _elected(self, quantity: Quantity, votes: Mapping[str, Reading]) -> tuple[float, str | None]:
        """Return the value, and why it is suspect."""
        suspects = {name: one for name, one in votes.items() if one.status != "ok"}
        values = {name: one.value for name, one in votes.items()}
        value, differ = elect(values, self.tolerance.get(quantity.name), is_state=is_state(quantity))
        if len(votes) == 1:
            silent = [name for name in self.voters if name not in votes]
            doubt: str | None = f"{next(iter(votes))} alone votes, not {' and '.join(silent)}"
        elif differ:
            far = ", ".join(f"{name} by {abs(values[name] - value):.3g} {quantity.unit}".rstrip() for name in differ)
            doubt = f"{far} off {'the mean' if len(votes) == 2 else 'the median'}"
        else:
            doubt = None
        if suspects:
            why = ", ".join(f"{name} ({one.reason})" for name, one in suspects.items())
            doubt = f"all votes are suspect: {why}" + (f"; {doubt}" if doubt else "")
        return value, doubt

    def _why_none(self, quantity: str) -> InvalidReading | NotReady:
        """Return why nothing votes: beyond the range of a member, where nothing is wrong, or there is no reading."""
        faults = [fault for one in self._members() if (fault := one.history.missing.get(quantity)) is not None]
        beyond = next((fault for fault in faults if fault.harmless), None)
        if beyond is not None:
            return BeyondRange(f"{beyond.sensor}: {beyond.message}")
        return NotReady(f"{self.attempts.label}: none of its members has a {quantity}")

    def _silence(self) -> str:
        causes = []
        for name in self.voters:
            one = self._find(name)
            present = None if one is None else one.present
            causes.append(f"{name} ({present.error or present.status})" if present is not None else name)
        return f"{self.attempts.label}: none of its members can vote: {', '.join(causes)}"


def elect(values: Mapping[str, float], tolerance: float | None, *, is_state: bool = False) -> tuple[float, list[str]]:
    """Return the median of three or more, the mean of two; and the names of those that disagree.

    Two disagree if they differ from each other by more than the tolerance; of more, each that differs from the median.
    A state has no mean: where as many say on as off, it is on, and suspect.
    """
    if is_state:
        value = median_high(values.values())
        return value, [name for name, one in values.items() if one != value]
    value = median(values.values())
    if tolerance is None:
        return value, []
    # Of two, each is half of the difference away from the mean.
    allowed = tolerance / 2 if len(values) == 2 else tolerance
    allowed += 1e-9 * max(1.0, abs(value))
    return value, [name for name, one in values.items() if abs(one - value) > allowed]


def common(of_each: Sequence[Sequence[Quantity]]) -> tuple[Quantity, ...]:
    """Return the quantities that are in all of these, with the finest step; the members look for noise themselves."""
    if not of_each or not all(of_each):
        return ()
    tables = [{one.name: one for one in quantities} for quantities in of_each]
    return tuple(
        one._replace(
            step=min(table[one.name].step for table in tables),
            low=min(table[one.name].low for table in tables),
            high=max(table[one.name].high for table in tables),
            noisy=False,
            needs="",
            accuracy=None,
        )
        for one in of_each[0]
        if all(one.name in table for table in tables)
    )
