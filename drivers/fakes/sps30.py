"""Fake SPS30, from Sensirion's datasheet: idles after power-on; once started, gives a result every second."""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from .chip import FakeChip, Nack, crc8, word

START, STOP, READY, READ, SLEEP, WAKE, CLEAN = 0x0010, 0x0104, 0x0202, 0x0300, 0x1001, 0x1103, 0x5607
CLEANING_INTERVAL, PRODUCT, SERIAL, VERSION, STATUS, CLEAR, RESET = (
    0x8004, 0xD002, 0xD033, 0xD100, 0xD206, 0xD210, 0xD304,
)  # fmt: skip
TAKES = {START: 0.02, STOP: 0.02, SLEEP: 0.005, WAKE: 0.005, CLEAN: 0.005, CLEANING_INTERVAL: 0.02, RESET: 0.1}
FLOATS, INTEGERS = b"\x03\x00", b"\x05\x00"
SECOND = 1.0
CLEANS_FOR = 10.0
# After a command to wake up that only switched the interface on.
LISTENS_FOR = 0.1
MASSES = ("pm1", "pm2_5", "pm4", "pm10")
NUMBERS = ("number_0_5", "number_1", "number_2_5", "number_4", "number_10")


class FakeSps30(FakeChip):
    """Feels mass concentrations in µg/m³ and number concentrations in 1/cm³."""

    name = "sps30"
    addresses = (0x69,)
    senses = {"pm1": 6.2, "pm2_5": 8.4, "pm4": 9.9, "pm10": 10.7, "number_0_5": 41.0, "number_1": 48.7,
              "number_2_5": 50.1, "number_4": 50.3, "number_10": 50.4}  # fmt: skip
    # Asked for a new value until it comes, and then for its status.
    unlike: ClassVar[dict[str, Any]] = {"transfers": 14}
    version = 0x0202

    def power_on(self) -> None:
        self.answer = b""
        self.format = b""
        self.fresh = self.asleep = False
        self.listens_until = self.next_at = 0.0
        self.status = 0

    def on_write(self, data: bytes) -> None:
        command = int.from_bytes(data[:2], "big")
        if self.asleep and not self.woken(command):
            raise Nack
        if self.busy:
            raise Nack
        argument = data[2:]
        if len(argument) % 3 or any(
            crc8(argument[at : at + 2]) != argument[at + 2] for at in range(0, len(argument), 3)
        ):
            raise Nack(data=True)
        self.turn()
        self.answer = self.obey(command, argument)
        self.busy_for(TAKES.get(command, 0.0))

    def woken(self, command: int) -> bool:
        """Return whether a chip that sleeps takes a command: the second one to wake up."""
        if command == WAKE and self.clock() < self.listens_until:
            self.asleep = False
            return True
        if command == WAKE:
            self.listens_until = self.clock() + LISTENS_FOR
        return False

    def obey(self, command: int, argument: bytes) -> bytes:
        """Do what a command asks for; return what can be read then."""
        if command == START and argument[:2] in (FLOATS, INTEGERS):
            self.format = argument[:2]
            self.fresh, self.next_at = False, self.clock() + SECOND
        elif command == STOP:
            self.format, self.fresh = b"", False
        elif command == SLEEP and not self.format:
            self.asleep = True
        elif command == CLEAN and self.format:
            self.next_at = self.clock() + CLEANS_FOR
        elif command == RESET:
            self.power_on()
        elif command == CLEAR:
            self.status = 0
        elif command == READ and self.format:
            self.fresh = False
            return self.result()
        elif command not in (WAKE, *self.told()):
            raise Nack(data=True)
        return self.told().get(command, b"")

    def told(self) -> dict[int, bytes]:
        """Return what can be asked for at any time."""
        return {
            READY: word(int(self.fresh)),
            PRODUCT: letters("00080000"),
            SERIAL: letters("0A1B2C3D4E5F6071".ljust(32, "\0")),
            VERSION: word(self.version),
            STATUS: word(self.status >> 16) + word(self.status & 0xFFFF),
            CLEANING_INTERVAL: word(0x0009) + word(0x3A80),
        }

    def turn(self) -> None:
        """Finish the measurements that are due."""
        if self.format and self.clock() >= self.next_at - 1e-9:
            self.fresh = True
            while self.next_at <= self.clock() + 1e-9:
                self.next_at += SECOND

    def result(self) -> bytes:
        """Return ten numbers, the last one the typical size in µm (as an integer in nm)."""
        values = [*(self.world[name] for name in (*MASSES, *NUMBERS)), 0.6]
        if self.format == INTEGERS:
            return b"".join(word(round(value)) for value in (*values[:-1], 1000 * values[-1]))
        data = struct.pack(">10f", *values)
        return b"".join(word(int.from_bytes(data[at : at + 2], "big")) for at in range(0, 40, 2))

    def on_read(self, length: int) -> bytes:
        if self.asleep or self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length].ljust(length, b"\xff")


def letters(text: str) -> bytes:
    """Return a text as words."""
    data = text.encode("ascii")
    return b"".join(word(int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data), 2))
