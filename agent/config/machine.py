"""What names this machine: its host name, and its serial number, which no copy of its card shares."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from .kinds import Kind
from .mistakes import Wrong, near

# A Pi's firmware says it in the device tree, older kernels in cpuinfo; a PC's DMI is for root alone.
SERIALS = (
    Path("/proc/device-tree/serial-number"),
    Path("/sys/firmware/devicetree/base/serial-number"),
    Path("/proc/cpuinfo"),
    Path("/sys/class/dmi/id/product_serial"),
)
MACHINE_ID = Path("/etc/machine-id")
PLACEHOLDERS = ("serial", "hostname")
# What makers leave in the place of a number.
_NO_NUMBER = re.compile(r"0*|none|default string|to be filled by o\.?e\.?m\.?|not specified|system serial number", re.I)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def host_name() -> str:
    """Return the host name, made usable as a level of a topic."""
    return _level(os.uname().nodename)[:128] or "limpet"


def serial() -> str | None:
    """Return the serial number of the machine, made usable as a level of a topic; None if it has none."""
    for file in SERIALS:
        text = _text(file)
        if file.name == "cpuinfo":
            found = re.search(r"^Serial\s*:\s*(\S+)", text, re.MULTILINE)
            text = found[1] if found else ""
        text = text.strip("\0 \t\r\n")
        if not _NO_NUMBER.fullmatch(text):
            return _level(text)[:64]
    return None


def machine_id() -> str | None:
    """Return what systemd calls this installation; a copy of the card has the same until it is made again."""
    return _level(_text(MACHINE_ID).strip()) or None


class WithPlaceholders:
    """A text of a kind that may hold `{serial}` and `{hostname}`, so that one configuration serves many machines."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def read(self, raw: Any) -> Any:
        return self._kind.read(_PLACEHOLDER.sub(self._value, raw) if isinstance(raw, str) else raw)

    def schema(self) -> dict[str, Any]:
        return self._kind.schema()

    @staticmethod
    def _value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "hostname":
            return host_name()
        if name != "serial":
            meant = near(name, PLACEHOLDERS)
            fix = f"did you mean {{{meant}}}?" if meant else "write {serial} or {hostname}, or leave the braces out"
            raise Wrong(f"{found[0]} is nothing that a machine can say of itself", fix)
        value = serial() or machine_id()
        if value is None:
            raise Wrong("this machine has no serial number", "write {hostname} instead, and give each machine its own")
        return value


def _level(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
