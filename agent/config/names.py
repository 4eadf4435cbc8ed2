"""Kinds of names that are compared by machines: hosts and topics."""

from __future__ import annotations

from typing import Any

from .kinds import HostName, Text
from .mistakes import Wrong

_LEVEL = r"[^/+#\x00-\x1f\x7f]+"
_FIX = 'write "name", or levels with / between them: "site/hall-3"'


class Hosts:
    """One host, or several in a list. Read as a tuple."""

    _HOST = HostName()

    def read(self, raw: Any) -> tuple[str, ...]:
        if not isinstance(raw, list):
            return (self._HOST.read(raw),)
        if not raw:
            raise Wrong("is an empty list", 'write host = "broker.local", or several in brackets')
        return tuple(self._one(number, one) for number, one in enumerate(raw))

    def _one(self, number: int, raw: Any) -> str:
        try:
            return self._HOST.read(raw)
        except Wrong as wrong:
            raise Wrong(wrong.what, wrong.fix, number) from None

    def schema(self) -> dict[str, Any]:
        host = self._HOST.schema()
        return {"anyOf": [host, {"type": "array", "items": host, "minItems": 1}]}


class Topic:
    """A topic of up to `levels` levels, without wildcards and not the broker's own ($…)."""

    def __init__(self, levels: int, longest: int | None = None) -> None:
        pattern = rf"(?!\$){_LEVEL}(?:/{_LEVEL}){{0,{levels - 1}}}"
        says = (
            "a name without / + # and not beginning with $"
            if levels == 1
            else f"at most {levels} levels without + and #"
        )
        self._text = Text(pattern, says, longest=longest)
        self.levels = levels

    def read(self, raw: Any) -> str:
        if isinstance(raw, str) and self.levels > 1:
            self._slashes(raw)
        return self._text.read(raw)

    def _slashes(self, raw: str) -> None:
        if raw.strip("/") != raw:
            raise Wrong(f"{raw!r} {'begins' if raw.startswith('/') else 'ends'} with a slash", _FIX)
        if "//" in raw:
            raise Wrong(f"{raw!r} has an empty level", _FIX)
        if any(level != level.strip() for level in raw.split("/")):
            raise Wrong(f"{raw!r} has a blank at the end of a level", _FIX)

    def schema(self) -> dict[str, Any]:
        return self._text.schema()
