"""Fake VL53L1X, from ST's datasheet and the registers of its ultra lite driver; most of its configuration is secret.

Identity, boot state, starting, ready flag with its polarity, status and range are modelled; all else is only kept.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .chip import FakeChip, Nack, clamp

MUX, READY, TIMEOUT_A, CLEAR, START, STATUS, COUNT, RANGE, BOOTED, IDENTITY = (
    0x30, 0x31, 0x5E, 0x86, 0x87, 0x89, 0x8B, 0x96, 0xE5, 0x010F,
)  # fmt: skip
ACTIVE_LOW = 0x10
RANGING = 0x40
POWERS_UP = 0.0012  # seconds
# Seconds of one measurement, by the time-out that ST's driver writes for it in long distance mode.
BUDGETS = {0x001E: 0.020, 0x0060: 0.033, 0x00AD: 0.050, 0x01CC: 0.100, 0x02D9: 0.200, 0x048F: 0.500}
FARTHEST = 4000  # mm
VALID, SIGNAL_FAIL = 9, 4
SIZE = 0x0200


class FakeVl53l1x(FakeChip):
    """Feels the distance in mm; beyond 4 m it finds no target. Registers have addresses of two bytes."""

    name = "vl53l1x"
    addresses = (0x29,)
    senses = {"distance": 1640.0}
    unlike: ClassVar[dict[str, Any]] = {"transfers": 14}

    def power_on(self) -> None:
        self.bank = bytearray(SIZE)
        self.bank[IDENTITY : IDENTITY + 3] = b"\xea\xcc\x10"
        self.bank[BOOTED] = 0x03
        self.bank[MUX] = 0x11
        self.pointer = 0
        self.ranging = self.latched = False
        self.measured_at = 0.0
        self.busy_for(POWERS_UP)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        self.pointer = data[0] << 8 | (data[1] if len(data) > 1 else self.pointer & 0xFF)
        for offset, value in enumerate(data[2:]):
            self.store(self.pointer + offset, value)

    def store(self, register: int, value: int) -> None:
        """Take a byte written to a register."""
        self.refresh()
        if register >= SIZE or STATUS <= register <= BOOTED or register >= IDENTITY:
            return
        if register == CLEAR and value & 1:
            self.latched = False
            # With the result taken, the next measurement may be shown.
            self.measured_at = self.clock() + self.takes
        elif register == START:
            self.ranging = value == RANGING
            self.bank[COUNT] = 0
            self.measured_at = self.clock() + self.takes
        elif register != CLEAR:
            self.bank[register] = value

    @property
    def takes(self) -> float:
        """Seconds of one measurement."""
        return BUDGETS.get(self.bank[TIMEOUT_A] << 8 | self.bank[TIMEOUT_A + 1], 0.100)

    def refresh(self) -> None:
        """Finish the measurement that is due: its result stays until the flag is cleared."""
        if self.ranging and not self.latched and self.clock() >= self.measured_at - 1e-9:
            seen = self.world["distance"] <= FARTHEST
            self.bank[STATUS] = VALID if seen else SIGNAL_FAIL
            self.bank[COUNT] += 1
            distance = clamp(self.world["distance"], 0, FARTHEST) if seen else 0
            self.bank[RANGE : RANGE + 2] = distance.to_bytes(2, "big")
            self.latched = True
        active_low = bool(self.bank[MUX] & ACTIVE_LOW)
        self.bank[READY] = self.bank[READY] & 0xFE | (self.latched != active_low)

    def on_read(self, length: int) -> bytes:
        if self.busy:
            raise Nack
        self.refresh()
        return bytes(self.bank[self.pointer + n] if self.pointer + n < SIZE else 0 for n in range(length))
