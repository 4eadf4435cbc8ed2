"""Fake SCD30, from Sensirion's interface description: numbers are floats; settings, and that it measures, survive."""

from __future__ import annotations

import struct
from typing import ClassVar

from .chip import FakeChip, Nack, crc8, word

START, STOP, INTERVAL, READY, READ, CALIBRATION = 0x0010, 0x0104, 0x4600, 0x0202, 0x0300, 0x5306
FORCED, OFFSET, ALTITUDE, FIRMWARE, RESET = 0x5204, 0x5403, 0x5102, 0xD100, 0xD304
KEPT = (INTERVAL, CALIBRATION, FORCED, OFFSET, ALTITUDE)
BOOTS_FOR, ANSWERS_AFTER = 2.0, 0.003  # seconds
LONGEST_INTERVAL = 1800


class FakeScd30(FakeChip):
    """Feels CO2 in ppm, temperature in °C and humidity in %. A result can be read once."""

    name = "scd30"
    addresses = (0x61,)
    senses = {"co2": 650.0, "temperature": 21.5, "humidity": 45.0}
    parts = ("co2",)
    # It is asked for a new value until that comes.
    unlike: ClassVar[dict[str, int]] = {"transfers": 12}

    def __init__(self, **world: float) -> None:
        # What it keeps without power.
        self.kept = {INTERVAL: 2, CALIBRATION: 0, FORCED: 400, OFFSET: 0, ALTITUDE: 0}
        self.measures = False
        super().__init__(**world)

    def power_on(self) -> None:
        self.answer = b""
        self.fresh = False
        self.pressure = 0
        self.next_at = self.clock() + BOOTS_FOR + self.kept[INTERVAL]
        self.busy_for(BOOTS_FOR)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        command, argument = int.from_bytes(data[:2], "big"), data[2:]
        if argument and (len(argument) != 3 or crc8(argument[:2]) != argument[2]):
            raise Nack(data=True)
        known = command in (START, STOP, READY, READ, FIRMWARE, RESET, *KEPT)
        if len(data) < 2 or not known or bool(argument) < (command == START):
            raise Nack(data=True)
        self.turn()
        self.answer = b""
        self.obey(command, int.from_bytes(argument[:2], "big") if argument else None)
        if command != RESET:
            self.busy_for(ANSWERS_AFTER)

    def obey(self, command: int, value: int | None) -> None:
        """Do what a command asks for."""
        if command == START and value is not None:
            self.pressure = value
            self.begin(measures=True)
        elif command == STOP:
            self.begin(measures=False)
        elif command == RESET:
            self.power_on()
        elif command in KEPT and value is not None:
            if command == INTERVAL and not 2 <= value <= LONGEST_INTERVAL:
                raise Nack(data=True)
            self.kept[command] = value
        elif command in KEPT:
            self.answer = word(self.kept[command])
        elif command == READY:
            self.answer = word(int(self.fresh))
        elif command == FIRMWARE:
            self.answer = word(0x0342)
        elif command == READ:
            self.answer = self.result() if self.fresh else b""
            self.fresh = False

    def begin(self, *, measures: bool) -> None:
        """Measure from now on, or not any more."""
        self.measures, self.fresh = measures, False
        self.next_at = self.clock() + self.kept[INTERVAL]

    def turn(self) -> None:
        """Finish the measurements that are due."""
        if self.measures and self.clock() >= self.next_at - 1e-9:
            self.fresh = True
            while self.next_at <= self.clock() + 1e-9:
                self.next_at += self.kept[INTERVAL]

    def result(self) -> bytes:
        """Return CO2, temperature and humidity, two words each."""
        co2 = 0.0 if "co2" in self.broken else min(max(self.world["co2"], 0.0), 40000.0)
        data = struct.pack(">3f", co2, self.world["temperature"], self.world["humidity"])
        return b"".join(word(int.from_bytes(data[at : at + 2], "big")) for at in range(0, 12, 2))

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length]
