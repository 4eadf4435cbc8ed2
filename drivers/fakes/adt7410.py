"""Fake ADT7410, from Analog Devices' datasheet: 13 bits at power-on, 16 if told so, one shot, a ready bit.

Source: Analog Devices "ADT7410" Rev. A: register map with power-on values, modes, conversion time, status.
"""

from __future__ import annotations

from .chip import FakeRegisters, clamp

STATUS, CONFIGURATION, IDENTITY, RESET = 0x02, 0x03, 0x0B, 0x2F
NOT_READY = 0x80
WRITABLE = (*range(0x04, 0x0B),)
CONVERSION, FIRST, EACH_SECOND = 0.240, 0.006, 1.0
CONTINUOUS, ONE_SHOT, ONE_HERTZ, SHUT_DOWN = range(4)


class FakeAdt7410(FakeRegisters):
    """Feels temperature in °C, in steps of 1/128 or 1/16."""

    name = "adt7410"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    senses = {"temperature": 21.5}

    def power_on(self) -> None:
        self.bank[STATUS], self.bank[IDENTITY] = NOT_READY, 0xCB
        # The limits: 64, 10 and 147 °C; 5 °C of hysteresis.
        self.fill(0x04, bytes.fromhex("2000 0500 4980 05"))
        self.next_at: float | None = self.clock() + FIRST

    @property
    def mode(self) -> int:
        """How it measures."""
        return self.bank[CONFIGURATION] >> 5 & 3

    def on_write(self, data: bytes) -> None:
        if data[0] == RESET:
            self.lose_power()
        else:
            super().on_write(data)

    def store(self, register: int, value: int) -> None:
        if register == CONFIGURATION:
            self.refresh()
            self.bank[CONFIGURATION] = value
            if self.mode in (ONE_SHOT, ONE_HERTZ):
                self.bank[STATUS] |= NOT_READY
            self.next_at = None if self.mode == SHUT_DOWN else self.clock() + CONVERSION
        elif register in WRITABLE:
            self.bank[register] = value

    def refresh(self) -> None:
        if self.next_at is None or self.clock() < self.next_at - 1e-9:
            return
        is_fine = self.bank[CONFIGURATION] & 0x80
        raw = clamp(
            self.world["temperature"] * (128 if is_fine else 16), *((-0x8000, 0x7FFF) if is_fine else (-4096, 4095))
        )
        self.fill(0x00, (raw << (0 if is_fine else 3) & 0xFFFF).to_bytes(2, "big"))
        self.bank[STATUS] &= ~NOT_READY
        if self.mode == ONE_SHOT:
            self.bank[CONFIGURATION] |= SHUT_DOWN << 5
            self.next_at = None
        else:
            self.next_at = self.clock() + (EACH_SECOND if self.mode == ONE_HERTZ else CONVERSION)

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer <= 0x01 and self.pointer + length > 0:
            self.bank[STATUS] |= NOT_READY
        return answer
