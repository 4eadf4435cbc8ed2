"""Fake ENS160, from ScioSense's datasheet: sleeps after power-on; measures every second in its standard mode."""

from __future__ import annotations

from typing import Any, ClassVar

from .chip import FakeRegisters, clamp

MODE, COMMAND, TEMPERATURE, HUMIDITY, STATUS, INDEX, TVOC, ECO2 = 0x10, 0x12, 0x13, 0x15, 0x20, 0x21, 0x22, 0x24
# What it has compensated for: temperature, humidity. Behind them, the checksum of what was read.
USED, CHECKSUM = 0x30, 0x38
STANDARD, RESET = 0x02, 0xF0
RUNS, NEW = 0x80, 0x02
WARM_UP, NO_OUTPUT = 1, 3
WRITABLE = (MODE, 0x11, COMMAND, *range(0x13, 0x17), *range(0x40, 0x48))
SECOND = 1.0
# The air quality index of the German environment agency, by the volatile compounds in ppb (section 6).
LEVELS = (65, 220, 660, 2200)
LONGEST = 65000


class FakeEns160(FakeRegisters):
    """Feels volatile compounds in ppb and the CO2 equivalent in ppm.

    Attributes:
        warms_up: seconds from its start that its values are not valid: 180 of a true one.
        validity: what its status says after that, if it is unwell.
    """

    name = "ens160"
    addresses = (0x53, 0x52)
    senses = {"tvoc": 85.0, "eco2": 620.0}
    unlike: ClassVar[dict[str, Any]] = {"always_at_work": True, "transfers": 10}
    warms_up = 0.0
    validity = 0

    def power_on(self) -> None:
        self.bank = bytearray(256)
        self.fill(0x00, b"\x60\x01")
        self.fill(TEMPERATURE, round(64 * 298.15).to_bytes(2, "little"))
        self.fill(HUMIDITY, (512 * 50).to_bytes(2, "little"))
        self.began = self.next_at = 0.0
        self.busy_for(0.010)

    def on_write(self, data: bytes) -> None:
        self.pointer = data[0]
        for offset, value in enumerate(data[1:]):
            self.store(data[0] + offset & 0xFF, value)

    def store(self, register: int, value: int) -> None:
        if register not in WRITABLE:
            return
        if register == MODE and value == RESET:
            self.power_on()
        elif register == MODE and value != self.bank[MODE]:
            self.bank[MODE] = value
            self.bank[STATUS] = RUNS if value == STANDARD else 0
            self.began, self.next_at = self.clock(), self.clock() + SECOND
        elif register != COMMAND:
            self.bank[register] = value

    def refresh(self) -> None:
        if self.bank[MODE] != STANDARD or self.clock() < self.next_at - 1e-9:
            return
        while self.next_at <= self.clock() + 1e-9:
            self.next_at += SECOND
        warm = self.clock() >= self.began + self.warms_up - 1e-9
        validity = self.validity if warm else WARM_UP
        self.bank[STATUS] = RUNS | validity << 2 | NEW
        tvoc, eco2 = clamp(self.world["tvoc"], 0, LONGEST), clamp(self.world["eco2"], 400, LONGEST)
        if validity == NO_OUTPUT:
            tvoc = eco2 = 0
        self.bank[INDEX] = 1 + sum(tvoc > level for level in LEVELS)
        self.fill(TVOC, tvoc.to_bytes(2, "little"))
        self.fill(ECO2, eco2.to_bytes(2, "little"))
        self.fill(USED, bytes(self.bank[TEMPERATURE : TEMPERATURE + 4]))

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer < CHECKSUM and self.pointer + length > INDEX:
            self.bank[STATUS] &= ~NEW
        return answer
