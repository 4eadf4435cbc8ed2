"""Laws of one part that fails: it costs no other quantity of the same chip."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import InvalidReading
from ..fakes import fake_chip
from .bench import Bench, bench


def lost_with(one: Bench, part: str) -> set[str]:
    """Return a quantity and those that cannot be told without it."""
    return {part} | {quantity.name for quantity in one.driver.quantities if quantity.needs == part}


def costs_no_other(name: str, part: str, known: bool) -> Iterator[str]:
    """Break one part: the others are told, and the error of what is missing names the driver."""
    with bench(name) as one:
        if known and (problem := one.truth()):
            yield problem
        one.chip.break_part(part)
        everything = {quantity.name for quantity in one.driver.quantities}
        for share in (0.0, 0.13):
            one.chip.feel(**one.elsewhere(share))
            one.settle()
            told, missing = one.driver.read(), one.driver.missing
            if set(told) != everything - lost_with(one, part) or set(missing) != lost_with(one, part):
                yield f"without {part} it tells {', '.join(told)}, and misses {', '.join(missing)}"
            if lie := one.lie(told):
                yield lie
            for error in missing.values():
                if not isinstance(error, InvalidReading) or not str(error).startswith(f"{name}: "):
                    yield f"the error is {error!r}, not an InvalidReading that begins with {name}"


def told_again(name: str, part: str) -> Iterator[str]:
    """Mend the part: all is told again."""
    with bench(name) as one:
        one.chip.break_part(part)
        one.outcome()
        one.chip.mend()
        one.settle()
        if problem := one.truth() or ("something is still missing" if one.driver.missing else ""):
            yield problem


def every_part(name: str) -> Iterator[str]:
    """Break each part of the fake that can be broken."""
    for part in fake_chip(name).parts:
        for known in (False, True):
            yield from costs_no_other(name, part, known)
        yield from told_again(name, part)
