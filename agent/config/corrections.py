"""How a quantity is calibrated: a scale and an offset, or points of a curve; until when, and by which certificate."""

from __future__ import annotations

import re
from datetime import date, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from .kinds import FINITE, Text, named, number
from .mistakes import Wrong

_DAY = (
    r"20[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|20(?:[02468][048]|[13579][26])-02-29"
)
FIX = "write { scale = 1.0, offset = -0.4 }; either may be left out"
POINTS_FIX = "write pairs of what was measured and what was true: points = [[0.1, 0.0], [99.2, 100.0]]"
_DAY_FIX = 'write the day: due = "2027-05-01"'
_CERTIFICATE = Text(says="the number of a certificate", longest=128)
_NUMBERS = ("scale", "offset")

Point = tuple[float, float]


class CalibrationConfig(NamedTuple):
    """The calibration of one quantity. A pair of scale and offset means the same as one without the rest.

    Attributes:
        points: (measured, true), in ascending order of what was measured; empty where scale and offset are used.
        due: the last day on which it holds, as in "2027-05-01".
    """

    scale: float = 1.0
    offset: float = 0.0
    points: tuple[Point, ...] = ()
    due: str | None = None
    certificate: str | None = None

    def beyond_points(self, value: float) -> float:
        """Return the calibrated value of one that lies beyond the points: the first and the last line go on."""
        if len(self.points) == 1:
            ((measured, true),) = self.points
            return value + (true - measured)
        (left, low), (right, high) = self.points[:2] if value < self.points[0][0] else self.points[-2:]
        return low + (value - left) * ((high - low) / (right - left))


class Correction:
    """Scale and offset, read as a pair; with points, due or certificate, read as a `CalibrationConfig`."""

    def read(self, raw: Any) -> tuple[float, float] | CalibrationConfig:
        if not isinstance(raw, dict):
            raise Wrong(f"{named(raw)} where scale and offset belong", FIX)
        found: list[Wrong] = []
        known: dict[str, Any] = {}
        for name, value in raw.items():
            try:
                known[name] = self._part(name, value)
            except Wrong as wrong:
                found.append(wrong)
        both = next((name for name in _NUMBERS if name in raw), None)
        if "points" in raw and both is not None:
            found.append(Wrong(f"{both} and points exclude each other", "keep one of the two", "points"))
        Wrong.raised_for(found)
        pair = known.pop("scale", 1.0), known.pop("offset", 0.0)
        return CalibrationConfig(*pair, **known) if known else pair

    @staticmethod
    def _part(name: str, value: Any) -> Any:
        if name == "points":
            return _points(value)
        if name == "due":
            return _day(value)
        if name not in CalibrationConfig._fields:
            raise Wrong("unknown key", FIX, name)
        try:
            result = _CERTIFICATE.read(value) if name == "certificate" else float(number(value, FIX))
        except Wrong as wrong:
            raise Wrong(wrong.what, wrong.fix, name) from None
        if name == "scale" and result == 0:
            raise Wrong("a scale of 0 makes every value the same", FIX, "scale")
        return result

    def schema(self) -> dict[str, Any]:
        point = {"type": "array", "items": FINITE, "minItems": 2, "maxItems": 2}
        names = {
            "scale": {**FINITE, "not": {"const": 0}},
            "offset": FINITE,
            "points": {
                "type": "array",
                "items": point,
                "minItems": 1,
                "description": "[measured, true]; a line between two of them, and on beyond the ends",
            },
            "due": {"type": "string", "pattern": f"^(?:{_DAY})$", "description": "the last day on which it holds"},
            "certificate": _CERTIFICATE.schema(),
        }
        either = [{"not": {"required": ["points", name]}} for name in _NUMBERS]
        return {"type": "object", "properties": names, "additionalProperties": False, "allOf": either}


def _points(raw: Any) -> tuple[Point, ...]:
    if not isinstance(raw, list) or not raw:
        found = "an empty list" if raw == [] else named(raw)
        raise Wrong(f"{found} where points belong", POINTS_FIX, "points")
    points: list[Point] = []
    wrongs: list[Wrong] = []
    for place, one in enumerate(raw):
        try:
            points.append(_point(one, points))
        except Wrong as wrong:
            wrongs.append(Wrong(wrong.what, wrong.fix, "points", place))
    Wrong.raised_for(wrongs)
    points.sort()
    steps = [after[1] - before[1] for before, after in pairwise(points)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        what = "the true values turn back or stand still while what was measured rises"
        raise Wrong(what, "write points of one rising or falling curve, each with the value that was true", "points")
    return tuple(points)


def _point(raw: Any, others: list[Point]) -> Point:
    if not isinstance(raw, list) or len(raw) != 2:
        raise Wrong("is not two numbers", POINTS_FIX)
    measured, true = (float(number(value, POINTS_FIX)) for value in raw)
    if any(measured == other for other, _ in others):
        raise Wrong(f"{measured:g} is measured at two points", "keep one of them")
    return measured, true


def _day(raw: Any) -> str:
    """Return a day, which TOML writes as a text or as a date, as a text."""
    if isinstance(raw, date) and not isinstance(raw, datetime):
        raw = raw.isoformat()
    if not isinstance(raw, str):
        raise Wrong(f"{named(raw)} where a day belongs", _DAY_FIX, "due")
    if not re.fullmatch(_DAY, raw):
        raise Wrong(f"{raw!r} is no day", _DAY_FIX, "due")
    return raw
