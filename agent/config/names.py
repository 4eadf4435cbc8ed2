"""Kinds of names that other machines or the kernel define: hosts, topics and buses."""

from __future__ import annotations

import re
from typing import Any

from .characters import PLAIN
from .kinds import Text, Whole
from .mistakes import Wrong

_LEVEL = r"[^/+#\x00-\x1f\x7f]+"
_FIX = 'write "name", or levels with / between them: "site/hall-3"'


class HostName:
    """A host's name or address, without scheme, port or the brackets of IPv6."""

    _NAME = Text(r"[^\s/:\[\]\x00-\x1f\x7f]+", "a host name or address")
    _DRESSED = re.compile(r"(?:[a-z]+://)?(?:\[([^\]\s]+)\]|([^\s/:\[\]]+))(?::([0-9]{1,5}))?")
    _IPV6 = r"[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,}(?:%[^\s/%]+)?"

    def read(self, raw: Any) -> str:
        if isinstance(raw, str) and (found := self._DRESSED.fullmatch(raw)) and (host := found[1] or found[2]) != raw:
            what = "is a URL" if "://" in raw else "has a port in it" if found[3] else "is in brackets"
            raise Wrong(f"{raw!r} {what}", f'write host = "{host}"' + (f" and port = {found[3]}" if found[3] else ""))
        return raw if isinstance(raw, str) and _is_ipv6(raw) else self._NAME.read(raw)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{PLAIN}(?:{self._NAME.pattern}|{self._IPV6})$"}


def _is_ipv6(text: str) -> bool:
    if ":" not in text:
        return False
    # Imported here, so that a start without such an address pays nothing for it.
    import ipaddress

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


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
            else f"at most {levels} levels without + and #, the first not beginning with $"
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


class BusName:
    """An I2C bus: the number N of /dev/i2c-N, or a path or adapter's name, which stays the same after a reboot."""

    _FIX = (
        'write the N of /dev/i2c-N, a path such as "/dev/i2c-usb", or the adapter\'s name as `i2cdetect -l` prints it'
    )
    _NUMBER = Whole(0, 255, says="the number N of /dev/i2c-N")
    _TEXT = Text(r"/dev/[^/\x00-\x20\x7f]+|[A-Za-z0-9][^/\x00-\x1f\x7f]*", "a bus")

    def read(self, raw: Any) -> int | str:
        if not isinstance(raw, str):
            return self._NUMBER.read(raw)
        if found := re.fullmatch(r"(?:i2c-)?([0-9]{1,3})", raw):
            raise Wrong(f'"{raw}" is a text', f"write bus = {int(found[1])}, without quotes")
        try:
            return self._TEXT.read(raw)
        except Wrong as error:
            raise Wrong(error.what, self._FIX) from None

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self._NUMBER.schema(), {**self._TEXT.schema(), "not": {"pattern": "^(i2c-)?[0-9]{1,3}$"}}]}
