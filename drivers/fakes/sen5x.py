"""Fake SEN55, from Sensirion's datasheet, or one of its siblings; idles after power-on, then a result every second."""

from __future__ import annotations

from typing import Any, ClassVar

from .chip import FakeChip, Nack, clamp, word

START, START_GAS, STOP, READY, READ, CLEAN, PRODUCT, SERIAL, VERSION, STATUS, CLEAR, RESET = (
    0x0021, 0x0037, 0x0104, 0x0202, 0x03C4, 0x5607, 0xD014, 0xD033, 0xD100, 0xD206, 0xD210, 0xD304,
)  # fmt: skip
TAKES = {START: 0.05, START_GAS: 0.05, STOP: 0.2, PRODUCT: 0.05, SERIAL: 0.05, RESET: 0.1}
TAKES_OF_OTHERS = 0.02
SECOND = 1.0
NO_NOX_FOR = 11.0  # seconds from the start
MASSES = ("pm1", "pm2_5", "pm4", "pm10")
RHT_ERROR, GAS_ERROR = 1 << 6, 1 << 7


class FakeSen5x(FakeChip):
    """Feels mass concentrations in µg/m³, temperature in °C, humidity in %, and both indices."""

    name = "sen5x"
    addresses = (0x69,)
    senses = {"pm1": 6.2, "pm2_5": 8.4, "pm4": 9.9, "pm10": 10.7, "humidity": 45.0, "temperature": 21.5,
              "voc_index": 102.0, "nox_index": 1.0}  # fmt: skip
    parts = ("temperature", "voc_index", "nox_index")
    specimens = ({"product": "SEN50"}, {"product": "SEN54"}, {"product": "SEN55"})
    # Asked for a new value until it comes, and then for its status.
    unlike: ClassVar[dict[str, Any]] = {"transfers": 14}
    product = "SEN55"

    def power_on(self) -> None:
        self.answer = b""
        self.began: float | None = None
        self.fresh = self.gas_only = False
        self.next_at = 0.0
        self.status = 0
        self.busy_for(0.05)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        if len(data) != 2:
            raise Nack(data=True)
        command = int.from_bytes(data, "big")
        self.turn()
        self.answer = self.obey(command)
        self.busy_for(TAKES.get(command, TAKES_OF_OTHERS))

    def obey(self, command: int) -> bytes:
        """Do what a command asks for; return what can be read then."""
        told = self.told()
        if command in told:
            return told[command]
        if command == READ:
            # Before the first value, and when idle, everything is unknown.
            self.fresh = False
            return b"".join(word(value) for value in self.result())
        if command in (START, START_GAS) and (self.began is None or self.gas_only > (command == START_GAS)):
            self.began, self.fresh, self.gas_only = self.clock(), False, command == START_GAS
            self.next_at = self.began + SECOND
        elif command == STOP and self.began is not None:
            self.began, self.fresh = None, False
        elif command == RESET:
            self.power_on()
        elif command == CLEAR:
            self.status = 0
        else:
            raise Nack(data=True)
        return b""

    def told(self) -> dict[int, bytes]:
        """Return what can be asked for at any time."""
        return {
            READY: word(int(self.fresh)),
            PRODUCT: letters(self.product.ljust(32, "\0")),
            SERIAL: letters("0D1E2F3A4B5C6D7E".ljust(32, "\0")),
            VERSION: word(0x0200) + word(0x0004) + word(0x0001) + word(0x0000),
            STATUS: word(0) + word(self.status | self.failed()),
        }

    def failed(self) -> int:
        """Return the bits of the status for the elements that fail."""
        return (RHT_ERROR if "temperature" in self.broken else 0) | (
            GAS_ERROR if {"voc_index", "nox_index"} <= self.broken else 0
        )

    def turn(self) -> None:
        """Finish the measurements that are due."""
        if self.began is not None and self.clock() >= self.next_at - 1e-9:
            self.fresh = True
            while self.next_at <= self.clock() + 1e-9:
                self.next_at += SECOND

    def result(self) -> list[int]:
        """Return eight numbers: four of 16 bits, four signed ones."""
        if self.began is None or self.clock() < self.began + SECOND - 1e-9:
            return [0xFFFF] * 4 + [0x7FFF] * 4
        masses = [0xFFFF if self.gas_only else clamp(10 * self.world[name], 0, 0xFFFE) for name in MASSES]
        humidity, temperature = self.signed("humidity", 100, "temperature"), self.signed("temperature", 200)
        voc, nox = self.signed("voc_index", 10), self.signed("nox_index", 10)
        if self.product == "SEN50":
            humidity = temperature = voc = 0x7FFF
        if self.product != "SEN55" or self.clock() < self.began + NO_NOX_FOR - 1e-9:
            nox = 0x7FFF
        return [*masses, humidity, temperature, voc, nox]

    def signed(self, name: str, scale: int, element: str = "") -> int:
        """Return a number as 16 bits; of an element that fails, unknown."""
        if (element or name) in self.broken:
            return 0x7FFF
        value = clamp(self.world[name] * scale, -0x8000, 0x7FFE)
        return value & 0xFFFF

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length].ljust(length, b"\xff")


def letters(text: str) -> bytes:
    """Return a text as words."""
    data = text.encode("ascii")
    return b"".join(word(int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data), 2))
