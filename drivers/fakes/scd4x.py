"""Fake SCD4x, from Sensirion's datasheet: idles after power-on; once started, gives a result every 5 s."""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, crc8, word

START, START_LOW_POWER, READ, STOP, READY, PRESSURE = 0x21B1, 0x21AC, 0xEC05, 0x3F86, 0xE4B8, 0xE000
SERIAL, REINIT = 0x3682, 0x3646
POWERS_UP = 0.030  # seconds
TAKES = {READ: 0.001, STOP: 0.5, READY: 0.001, PRESSURE: 0.001, SERIAL: 0.001, REINIT: 0.030}
# Temperature offset, altitude, self-calibration: set, get.
SETTINGS = {0x241D: 0x2318, 0x2427: 0x2322, 0x2416: 0x2313}
DEFAULTS = {0x241D: 0x0637, 0x2427: 0, 0x2416: 1}


class FakeScd4x(FakeChip):
    """Feels CO2 in ppm, temperature in °C and humidity in %. A result can be read once."""

    name = "scd4x"
    addresses = (0x62,)
    senses = {"co2": 650.0, "temperature": 21.5, "humidity": 45.0}
    parts = ("co2",)

    def power_on(self) -> None:
        self.answer = b""
        self.settings = dict(DEFAULTS)
        self.every: float | None = None  # seconds between two results, if it measures
        self.fresh = False
        self.next_at = 0.0
        self.busy_for(POWERS_UP)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        if len(data) < 2:
            raise Nack(data=True)
        command, argument = int.from_bytes(data[:2], "big"), data[2:]
        if argument and (len(argument) != 3 or crc8(argument[:2]) != argument[2]):
            raise Nack(data=True)
        if self.every is not None and command not in (READ, STOP, READY, PRESSURE):
            raise Nack(data=True)
        self.turn()
        self.answer = b""
        self.obey(command, argument)
        self.busy_for(TAKES.get(command, 0.001))

    def obey(self, command: int, argument: bytes) -> None:
        """Do what a command asks for."""
        if command in (START, START_LOW_POWER):
            self.every = 5.0 if command == START else 30.0
            self.next_at, self.fresh = self.clock() + self.every, False
        elif command in (STOP, REINIT):
            self.every, self.fresh = None, False
        elif command == READY:
            # Only the lower eleven bits count.
            self.answer = word(0x8006 if self.fresh else 0x8000)
        elif command == READ:
            self.answer = self.result() if self.fresh else b""
            self.fresh = False
        elif command == SERIAL:
            self.answer = word(0xF896) + word(0x9F07) + word(0x3BBE)
        elif command in self.settings:
            self.settings[command] = int.from_bytes(argument[:2], "big")
        elif command in SETTINGS.values():
            self.answer = word(next(self.settings[s] for s, get in SETTINGS.items() if get == command))
        elif command != PRESSURE:
            raise Nack(data=True)

    def turn(self) -> None:
        """Finish the measurements that are due."""
        if self.every is not None and self.clock() >= self.next_at - 1e-9:
            self.fresh = True
            while self.next_at <= self.clock() + 1e-9:
                self.next_at += self.every

    def result(self) -> bytes:
        """Return CO2, temperature and humidity as words."""
        # As after a measurement of temperature and humidity alone.
        co2 = 0 if "co2" in self.broken else clamp(self.world["co2"], 0, 40000)
        temperature = clamp((self.world["temperature"] + 45) / 175 * 0xFFFF, 0, 0xFFFF)
        humidity = clamp(self.world["humidity"] / 100 * 0xFFFF, 0, 0xFFFF)
        return word(co2) + word(temperature) + word(humidity)

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length]
