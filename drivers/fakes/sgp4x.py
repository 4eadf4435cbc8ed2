"""Fake SGP40 and SGP41, from Sensirion's datasheets: each measures only with the two words of compensation."""

from __future__ import annotations

from typing import ClassVar

from .chip import FakeChip, Nack, clamp, crc8, word

VOC, BOTH, CONDITION, SELF_TEST, HEATER_OFF, SERIAL, FEATURES = 0x260F, 0x2619, 0x2612, 0x280E, 0x3615, 0x3682, 0x202F
TAKES = {VOC: 0.030, BOTH: 0.050, CONDITION: 0.050, SELF_TEST: 0.320, HEATER_OFF: 0.001, SERIAL: 0.001, FEATURES: 0.01}
POWERS_UP = 0.0006
HOT_AFTER = 0.17  # seconds after the first measurement
OF_A_COLD_PLATE = 52_000  # ticks
LONGEST_CONDITIONING = 10.0  # seconds; longer, and the element is damaged


class FakeSgp40(FakeChip):
    """Feels the raw signal of volatile compounds in ticks."""

    name = "sgp40"
    addresses = (0x59,)
    senses = {"voc_raw": 30500.0}
    measures: ClassVar[dict[int, tuple[str, ...]]] = {VOC: ("voc_raw",)}
    features = 0x3220

    def power_on(self) -> None:
        self.answer = b""
        self.conditions_since: float | None = None
        self.conditioned_for = 0.0
        self.damaged = False
        self.hot_at: float | None = None
        self.busy_for(POWERS_UP)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        command, argument = int.from_bytes(data[:2], "big"), data[2:]
        wanted = 6 if command in self.measures else 0
        broken = any(crc8(argument[at : at + 2]) != argument[at + 2] for at in range(0, len(argument) - 2, 3))
        known = command in self.measures or command in (SELF_TEST, HEATER_OFF, SERIAL, FEATURES)
        if len(data) < 2 or not known or len(argument) != wanted or broken:
            raise Nack(data=True)
        self.heat(command)
        self.answer = self.obey(command)
        self.busy_for(TAKES[command])

    def heat(self, command: int) -> None:
        """Follow when the plate is hot, and how long it is conditioned: until another command changes its heater."""
        if command in (HEATER_OFF, SELF_TEST):
            self.hot_at = None
        elif command in (VOC, BOTH, CONDITION) and self.hot_at is None:
            self.hot_at = self.clock() + HOT_AFTER
        if self.conditions_since is not None:
            self.conditioned_for = self.clock() - self.conditions_since
            self.damaged = self.damaged or self.conditioned_for > LONGEST_CONDITIONING
        if command == CONDITION and self.conditions_since is None:
            self.conditions_since = self.clock()
        elif command in (VOC, BOTH, HEATER_OFF, SELF_TEST):
            self.conditions_since = None

    def obey(self, command: int) -> bytes:
        """Return what can be read after a command."""
        if command in self.measures:
            names = self.measures[command]
            # What counts is how hot the plate is in the end.
            is_cold = self.hot_at is None or self.clock() + TAKES[command] < self.hot_at
            return b"".join(word(self.ticks(name) if not is_cold else OF_A_COLD_PLATE) for name in names)
        answers = {
            SELF_TEST: word(0xD400),
            SERIAL: word(0x0000) + word(0x03A1) + word(0x7C5E),
            FEATURES: word(self.features),
        }
        return answers.get(command, b"")

    def ticks(self, name: str) -> int:
        """Return a signal; that of an element that does not work is 0."""
        return 0 if name in self.broken else clamp(self.world[name], 0, 0xFFFF)

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length]


class FakeSgp41(FakeSgp40):
    """Feels the raw signals of volatile compounds and of nitrogen oxides in ticks."""

    name = "sgp41"
    senses = {"voc_raw": 30500.0, "nox_raw": 15800.0}
    parts = ("voc_raw", "nox_raw")
    measures: ClassVar[dict[int, tuple[str, ...]]] = {BOTH: ("voc_raw", "nox_raw"), CONDITION: ("voc_raw",)}
    features = 0x0040
