"""Which of several chips is at an address: their questions, each sent once, harmless ones first."""

from __future__ import annotations

import errno
from collections.abc import Generator, Sequence
from typing import Any

from ..bus.i2c import I2cDevice
from ..chip import Question
from ..errors import BusError, ChecksumError, NoAcknowledge

BARE_READ = Question(b"", 1, bool)
# Where a PCF8574 or PCF8575 may be, and enough bytes of it.
EXPANDERS, PINS = (*range(0x20, 0x28), *range(0x38, 0x40)), Question(b"", 8, bool)
# How often a chip is woken: it falls asleep again within milliseconds, and this thread may come too late.
WAKINGS = 3


class Inquiry:
    """The questions to one address. Each is sent once.

    Attributes:
        answered: whether anything was acknowledged.
    """

    def __init__(self, device: I2cDevice) -> None:
        self.device = device
        self.answered = self.answers_bare_reads = self._has_written = False
        self._answers: dict[tuple[bytes, int, tuple[bytes, ...]], bytes | None] = {}

    def reads_bare(self) -> Generator[float, None, bool]:
        """Return whether the device answers a read to which nothing was written."""
        self.answers_bare_reads = (yield from self._ask(BARE_READ)) is not None
        return self.answers_bare_reads

    def names(self, drivers: Sequence[Any]) -> Generator[float, None, tuple[list[str], list[str]]]:
        """Return the names of the drivers that certainly fit, and of those that may fit."""
        yield from self.reads_bare()
        sure: list[str] = []
        maybe: list[str] = []
        for driver in sorted(drivers, key=_effort):
            # What was recognised by reading alone is sent no question of others: it might take that for a command.
            if not self._has_written and any(question.ask for question in driver.questions):
                if sure:
                    break
                if (yield from self._shows_pins()):
                    return [], [one.name for one in drivers]
            fits = yield from self._fits(driver.questions)
            if fits and all(question.decides for question in driver.questions):
                return [(yield from self._longer_known(driver, drivers)).name], []
            if fits is not False:
                (sure if fits else maybe).append(driver.name)
        return sure, maybe

    def _shows_pins(self) -> Generator[float, None, bool]:
        """Return whether this may be a PCF8574 or PCF8575: it sends its pins in every byte, or in every second one.

        It takes any byte for what its outputs shall be, which may switch relays.
        """
        if self.device.address not in EXPANDERS or not self.answers_bare_reads:
            return False
        pins = yield from self._ask(PINS)
        return pins is not None and any(pins) and pins == pins[:2] * (PINS.length // 2)

    def _longer_known(self, driver: Any, drivers: Sequence[Any]) -> Generator[float, None, Any]:
        """Return a rival whose chip also answers a longer command, if `driver` was recognised by a command; else it."""
        if any(question.wait for question in driver.questions):
            for rival in drivers:
                longer = rival is not driver and any(len(p.ask) > 1 and p.decides for p in rival.questions)
                if longer and (yield from self._fits(rival.questions, takes_commands=True)):
                    return rival
        return driver

    def _fits(
        self, questions: Sequence[Question], *, takes_commands: bool = False
    ) -> Generator[float, None, bool | None]:
        """Return whether the chip with these questions is here; None if that cannot be decided."""
        certain = bool(questions)
        for question in questions:
            if len(question.ask) > 1 and self.answers_bare_reads and not takes_commands:
                return None
            answer = yield from self._ask(question)
            if answer is None or not _fit(question, answer):
                if question.decides:
                    return False
                certain = False
        return certain or None

    def _ask(self, question: Question) -> Generator[float, None, bytes | None]:
        known = (question.ask, question.length, question.more)
        if known not in self._answers:
            try:
                self._answers[known] = yield from self._awake(question)
                self.answered = True
            except NoAcknowledge:
                self._answers[known] = None
            except BusError as error:
                if error.errno != errno.EIO:
                    raise
                self._answers[known] = None
                # A bit-banged bus reports EIO for a refused byte: the address itself was acknowledged.
                self.answered = True
        return self._answers[known]

    def _awake(self, question: Question) -> Generator[float, None, bytes]:
        """Return the answers to a question; wake a chip that may be asleep, and leave it asleep again."""
        wakings = 0
        while True:
            try:
                answer = yield from self._put(question)
            except NoAcknowledge:
                if not question.wakes_in or wakings == WAKINGS:
                    raise
            else:
                break
            wakings += 1
            if question.wake:
                try:
                    self.device.write(question.wake)
                except NoAcknowledge:
                    # To an SPS30 the first one only switches its interface on.
                    self.device.write(question.wake)
            yield question.wakes_in
        if wakings and question.sleep:
            self.device.write(question.sleep)
        if question.load and not any(answer):
            self.device.write(question.load)
            yield question.loads_in
            answer = yield from self._put(question)
        return answer

    def _put(self, question: Question) -> Generator[float, None, bytes]:
        if not question.ask:
            return self.device.read(question.length)
        self._has_written = True
        answer = b""
        for ask in (question.ask, *question.more):
            if question.wait:
                self.device.write(ask)
                self.answered = True
                yield question.wait
                answer += self.device.read(question.length)
            else:
                answer += self.device.write_read(ask, question.length)
        return answer


def _fit(question: Question, answer: bytes) -> bool:
    try:
        return question.fits(answer)
    except ChecksumError:
        return False


def _effort(driver: Any) -> tuple[int, bool, int]:
    """Return a sort key: drivers with the shortest questions first, then those whose questions decide.

    Then the shortest answer first: a CCS811 remembers a read of a register that it lacks, so its own question is sent
    before that of an MLX90614, which has no such memory.
    """
    questions = driver.questions or (BARE_READ,)
    is_sure = all(question.decides for question in driver.questions)
    return max(len(one.ask) for one in questions), not is_sure, max(one.length for one in questions)
