"""Checks of sensors that vote: whom they ask, and about what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .devices import OF_DEVICES, VOTE, SensorConfig
from .mistakes import Report, Where, near
from .value_checks import check_names
from .wiring import Fitted


def check_votes(fitted: Sequence[Fitted], raw: Sequence[Mapping[str, Any]], report: Report) -> list[Fitted]:
    """Return the sensors, each vote with the quantities that all its members measure; report what is wrong with it."""
    by_id = {one.sensor.id: one for one in fitted}
    return [_vote(one, raw[number], by_id, report) if one.sensor.is_vote else one for number, one in enumerate(fitted)]


def _vote(one: Fitted, raw: Mapping[str, Any], by_id: Mapping[str, Fitted], report: Report) -> Fitted:
    sensor, where = one.sensor, one.where
    for name in OF_DEVICES:
        if name in raw:
            report.mistake((*where, name), f"a {VOTE} reads no device", "remove it, or write it at its members")
    of = (*where, "options", "of")
    if report.touches(of) or not sensor.voters:
        return one
    if len(sensor.voters) < 2:
        report.mistake(of, "one alone cannot vote", "name two or more sensors")
    good = [name for number, name in enumerate(sensor.voters) if _member(sensor, number, name, by_id, report, of)]
    if len(good) < len(sensor.voters):
        return one
    known = [by_id[name].quantities for name in good]
    if not all(known):
        # Some are known only when the device is there.
        return one
    common = tuple(name for name in dict.fromkeys(known[0]) if all(name in others for others in known))
    if not common:
        what = f"no quantity is measured by all of {', '.join(good)}"
        report.mistake(of, what, "name sensors that measure the same")
        return one
    _tolerance(one, good, by_id, common, report)
    check_names(sensor, common, report, where)
    return replace(one, quantities=tuple(dict.fromkeys((*common, *sensor.derive))))


def _member(
    sensor: SensorConfig, number: int, name: str, by_id: Mapping[str, Fitted], report: Report, of: Where
) -> bool:
    """Return whether a member can vote, and report why it cannot."""
    where = (*of, number)
    if name == sensor.id:
        report.mistake(where, "a vote cannot ask itself", "name other sensors")
    elif name not in by_id:
        meant = near(name, [other for other in by_id if other and other != sensor.id])
        fix = f'did you mean "{meant}"?' if meant else "name the id of another sensor"
        report.mistake(where, f'there is no sensor "{name}"', fix)
    elif by_id[name].sensor.is_vote:
        report.mistake(where, f"{name} is a vote itself", f"name what it asks: {', '.join(by_id[name].sensor.voters)}")
    elif name in sensor.voters[:number]:
        report.mistake(where, f"{name} would vote twice", "name it once")
    else:
        return True
    return False


def _tolerance(
    one: Fitted, members: Sequence[str], by_id: Mapping[str, Fitted], common: Sequence[str], report: Report
) -> None:
    given, table = one.sensor.options.get("tolerance"), (*one.where, "options", "tolerance")
    for name in given if isinstance(given, dict) else ():
        if name in common:
            continue
        at = (*table, name)
        without = [member for member in members if name not in by_id[member].quantities]
        meant = near(name, common)
        fix = f"did you mean `{meant}`?" if meant else f"all of them measure {', '.join(common)}"
        report.mistake(at, f"this is not measured by {' and '.join(without)}", fix)
