"""Fake VL53L0X, from ST's datasheet and the register names of its published interface; most of its set-up is secret.

Identity, the register pages, starting, ready flag, status and range are modelled; the secret settings are only kept.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp

START, CLEAR, FLAGS, RESULT, RANGE = 0x00, 0x0B, 0x13, 0x14, 0x1E
POWERS_UP = 0.0012  # seconds
TAKES = 0.033  # seconds of one measurement, the default budget
FARTHEST = 2000  # mm
NO_TARGET, VALID, SIGNAL_FAIL = 8190, 11, 4
IDENTITY = {0xC0: 0xEE, 0xC1: 0xAA, 0xC2: 0x10}


class FakeVl53l0x(FakeChip):
    """Feels the distance in mm; beyond 2 m it finds no target."""

    name = "vl53l0x"
    addresses = (0x29,)
    senses = {"distance": 640.0}

    def power_on(self) -> None:
        self.pages: dict[int, bytearray] = {0: bytearray(256), 1: bytearray(256)}
        self.page = self.pointer = 0
        self.mode = 0
        self.measuring = False
        for register, value in IDENTITY.items():
            self.pages[0][register] = value
        self.pages[1][0x91] = 0x3C  # the "stop variable"
        self.busy_for(POWERS_UP)
        self.measured_at = 0.0

    @property
    def bank(self) -> bytearray:
        """The registers of the present page."""
        return self.pages.setdefault(self.page, bytearray(256))

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        self.pointer = data[0]
        for offset, value in enumerate(data[1:]):
            self.store(data[0] + offset & 0xFF, value)

    def store(self, register: int, value: int) -> None:
        """Take a byte written to a register of the present page; 0xFF turns the pages."""
        self.refresh()
        if register == 0xFF:
            self.page = value
        elif self.page == 0 and register == START:
            self.mode = value  # reads 0: the start bit goes out as soon as the measurement has begun
            self.measuring = bool(value & 0x07)
            self.measured_at = self.clock() + TAKES
        elif self.page == 0 and register == CLEAR and value & 1:
            self.bank[FLAGS] &= 0xF8
        elif self.page == 0 and (register in IDENTITY or FLAGS <= register <= RANGE + 1):
            pass  # read-only
        elif self.page == 7 and register == 0x83:
            self.bank[register] = value or 0x10  # asked for its factory data, it has them at once
        else:
            self.bank[register] = value

    def refresh(self) -> None:
        """Finish the measurement that is due; continuous modes begin the next."""
        if not self.measuring or self.clock() < self.measured_at - 1e-9:
            return
        seen = self.world["distance"] <= FARTHEST
        registers = self.pages[0]
        registers[FLAGS] = registers[FLAGS] & 0xF8 | 4
        registers[RESULT] = (VALID if seen else SIGNAL_FAIL) << 3 | 1
        distance = clamp(self.world["distance"], 0, FARTHEST) if seen else NO_TARGET
        registers[RANGE : RANGE + 2] = distance.to_bytes(2, "big")
        self.measuring = bool(self.mode & 0x06)
        self.measured_at = self.clock() + TAKES

    def on_read(self, length: int) -> bytes:
        if self.busy:
            raise Nack
        self.refresh()
        return bytes(self.bank[self.pointer + n & 0xFF] for n in range(length))
