"""Fake SGP30, from Sensirion's datasheet: wants to be initialised, says 400 ppm and 0 ppb while it warms up."""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, crc8, word

INIT, MEASURE, GET_BASELINE, SET_BASELINE, SET_HUMIDITY = 0x2003, 0x2008, 0x2015, 0x201E, 0x2061
SELF_TEST, FEATURES, RAW, SERIAL = 0x2032, 0x202F, 0x2050, 0x3682
TAKES = {INIT: 0.010, MEASURE: 0.012, GET_BASELINE: 0.010, SET_BASELINE: 0.010, SET_HUMIDITY: 0.010,
         SELF_TEST: 0.220, FEATURES: 0.010, RAW: 0.025, SERIAL: 0.0005}  # seconds, the maximum  # fmt: skip
POWERS_UP = 0.0006
WARMS_UP = 15.0  # seconds after the command init


class FakeSgp30(FakeChip):
    """Feels the CO2 equivalent in ppm and volatile compounds in ppb."""

    name = "sgp30"
    addresses = (0x58,)
    senses = {"eco2": 620.0, "tvoc": 85.0}

    def power_on(self) -> None:
        self.answer = b""
        # When it was initialised.
        self.began: float | None = None
        self.baseline = word(0) + word(0)
        self.busy_for(POWERS_UP)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        command, argument = int.from_bytes(data[:2], "big"), data[2:]
        broken = any(crc8(argument[at : at + 2]) != argument[at + 2] for at in range(0, len(argument) - 2, 3))
        wanted = {SET_BASELINE: 6, SET_HUMIDITY: 3}.get(command, 0)
        if len(data) < 2 or command not in TAKES or broken or len(argument) != wanted:
            raise Nack(data=True)
        self.answer = self.obey(command, argument)
        self.busy_for(TAKES[command])

    def obey(self, command: int, argument: bytes) -> bytes:
        """Do what a command asks for; return what can be read then."""
        if command == INIT:
            self.began = self.clock()
            self.baseline = word(0x8973) + word(0x8AAE)
        elif command == SET_BASELINE:
            # Set: TVOC first; get: CO2 first.
            self.baseline = argument[3:] + argument[:3]
        elif command == MEASURE:
            return self.result()
        elif command == RAW:
            return word(13500) + word(18800)
        answers = {
            GET_BASELINE: self.baseline,
            SELF_TEST: word(0xD400),
            FEATURES: word(0x0022),
            SERIAL: word(0x0000) + word(0x0048) + word(0xD2A9),
        }
        return answers.get(command, b"")

    def result(self) -> bytes:
        """Return both values as words, or those of a sensor that is not warm."""
        if self.began is None or self.clock() < self.began + WARMS_UP - 1e-9:
            return word(400) + word(0)
        return word(clamp(self.world["eco2"], 400, 60000)) + word(clamp(self.world["tvoc"], 0, 60000))

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length]
