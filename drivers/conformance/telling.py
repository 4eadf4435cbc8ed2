"""Laws of a driver that nothing happens to: what it tells is what is felt, and what it says of itself is true."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .. import PermanentError, TransientError, catalog, open_chip
from ..fakes import fake_chip
from .bench import Bench, bench
from .exceptions import ALWAYS_AT_WORK, FINDS_ITS_RANGE, SHOW_THEIR_COMMAND, TRANSFERS, TRANSFERS_OF_OTHERS

# Shares of the scale by which a world lies beyond its end.
BEYOND = (0.05, 0.3, 10.0)
# Of the scale: so far a formula's result may be clipped to the end.
CLIPPED = 0.1


def told_is_felt(name: str) -> Iterator[str]:
    """Let the chip feel each quantity over its range, the others as at first."""
    specimens: tuple[dict[str, Any], ...] = getattr(fake_chip(name), "specimens", ({},))
    for specimen in specimens:
        chip = fake_chip(name)
        for attribute, value in specimen.items():
            setattr(chip, attribute, value)
        with bench(name, chip=chip) as one:
            yield from sweep(one)


def sweep(one: Bench) -> Iterator[str]:
    """Yield where told is not felt."""
    tries = 2 if one.name in FINDS_ITS_RANGE else 1
    told = [quantity for quantity in one.driver.quantities if quantity.name in one.senses]
    if not told:
        yield f"{one.name} tells nothing of {', '.join(one.senses)}"
    for quantity in told:
        for value in points(quantity.low, quantity.high):
            one.chip.feel(**{**one.senses, quantity.name: value})
            one.settle()
            if problem := one.truth(tries):
                yield f"{quantity.name} {value:g}: {problem}"


def points(low: float, high: float) -> Iterator[float]:
    """Yield a range's ends, its middle, its small values, and what lies next to zero."""
    yield from (low + share * (high - low) for share in (0.0, 0.03, 0.1, 0.25, 0.5, 0.777, 0.95, 1.0))
    yield from (value for value in (-25.06, -1.0, -0.3, 0.0, 0.3, 1.0, 20.7, 300.0) if low <= value <= high)


def beyond_the_scale(name: str) -> Iterator[str]:
    """Let the chip feel what it cannot measure: no value may be told of it, and every other quantity is right."""
    with bench(name) as one:
        for quantity, world, end, may_clip in worlds_beyond(one):
            one.chip.feel(**{**one.senses, quantity: world})
            one.settle()
            values = told(one)
            value = values.pop(quantity, None)
            if value is not None and not (may_clip and value == end):
                yield f"{quantity} of {world:g} is told as {value:g}"
            if lie := one.lie(values):
                yield f"with {quantity} of {world:g}: {lie}"


def worlds_beyond(one: Bench) -> Iterator[tuple[str, float, float, bool]]:
    """Yield (quantity, world beyond its end, the end, whether it may be clipped to that).

    Ends of the world are none of a scale: no air is drier than 0 %, no light darker than 0 lx, clean air has 400 ppm.
    """
    for quantity in one.driver.quantities:
        if quantity.name not in one.senses:
            continue
        scale = quantity.high - quantity.low
        for share in BEYOND:
            may_clip = quantity.clips and share < CLIPPED
            if quantity.unit != "%":
                yield quantity.name, quantity.high + share * scale, quantity.high, may_clip
            if quantity.low != 0 and quantity.name != "eco2":
                yield quantity.name, quantity.low - share * scale, quantity.low, may_clip


def told(one: Bench) -> dict[str, float]:
    """Read once; return what is told, nothing where the reading raises."""
    try:
        values: dict[str, float] = one.driver.read()
    except (TransientError, PermanentError):
        return {}
    return values


def quiet_until_asked(name: str) -> Iterator[str]:
    """Make the driver, and see that it has said nothing on the bus."""
    with bench(name) as one:
        if one.bus.seen:
            yield f"it talks before it is asked to: {one.bus.seen}"


def plain_transfers(name: str, adapter: str) -> Iterator[str]:
    """A transfer is a write, a read, or both; none is empty, and none is refused."""
    with bench(name, adapter) as one:
        yield from (problem for _ in range(2) if (problem := one.truth()))
        for transfer in one.bus.seen:
            if not all(length for _, length in transfer):
                yield f"an empty message: {transfer}"
            if [is_read for is_read, _ in transfer] not in ([False], [True], [False, True]):
                yield f"not a write, a read, or both: {transfer}"
        if one.bus.refused and not one.unlike.get("sleeps"):
            yield "it asked a chip that was at work, or what the chip does not know"


def few_transfers_at_rest(name: str) -> Iterator[str]:
    """A reading in service takes few transfers, and leaves a chip alone that is at work."""
    with bench(name) as one:
        if problem := one.truth():
            yield problem
        before, at_work = len(one.bus.seen), one.bus.at_work
        if problem := one.truth():
            yield problem
        few = one.unlike.get("transfers", TRANSFERS.get(name, TRANSFERS_OF_OTHERS))
        if (transfers := len(one.bus.seen) - before) > few:
            yield f"a reading takes {transfers} transfers"
        most = 1 if name in SHOW_THEIR_COMMAND else 0
        if one.bus.at_work - at_work > most and not one.unlike.get("always_at_work", name in ALWAYS_AT_WORK):
            yield "it asks a chip that is at work"


def what_it_says_of_itself(name: str) -> Iterator[str]:
    """Names, ranges, steps and addresses are whole, and those of the fake."""
    driver, chip = open_chip(name, None), fake_chip(name)
    if driver.name != name:
        yield f"its name is {driver.name!r}"
    if not driver.quantities:
        yield "it measures nothing"
    for one in driver.quantities:
        if not math.isfinite(one.high - one.low) or not 0 < one.step < one.high - one.low:
            yield f"{one.name}: low {one.low}, high {one.high}, step {one.step} are no range with a step"
    if not all(0x08 <= address <= 0x77 for address in driver.addresses):
        yield f"no I2C device can have all of {driver.addresses}"
    if (chip.name, set(chip.addresses)) != (name, set(catalog.find(name).addresses)):
        yield f"its fake is a {chip.name} at {chip.addresses}"
