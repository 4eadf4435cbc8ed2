"""What Sensirion's sensors have in common: commands, and answers in which each word carries a checksum."""

from __future__ import annotations

import struct
from collections.abc import Generator, Sequence

from .. import crc
from ..chip import I2cChip, Waits
from ..errors import BusError, ChecksumError, NoAcknowledge, WrongChip

# A command that the chip does not take, or not now: a bit-banged bus calls it a failed transfer.
REFUSED = (NoAcknowledge, BusError)


class SensirionChip(I2cChip):
    """One of Sensirion's sensors. None has an identity register: words with right checksums are the proof."""

    def ask(self, command: bytes, takes: float, count: int) -> Generator[float, None, tuple[int, ...]]:
        """Send a command, wait as long as it takes, and return the `count` words of the answer.

        Raises:
            NoAcknowledge: no device answers, or it is still at work. ChecksumError: a word arrived damaged.
        """
        frame = yield from self.answer(command, takes, count)
        # The checksum of 2b 2b is 2b: a line that stays at one byte is no answer.
        if len(set(frame)) == 1:
            raise ChecksumError(f"{self.name}: every byte is 0x{frame[0]:02x}; a line is stuck, or floats")
        return crc.words(frame)

    def proof(self, command: bytes, takes: float, count: int) -> Generator[float, None, tuple[int, ...]]:
        """As `ask`, while it is not yet known which chip answers.

        Raises:
            WrongChip: the answer has no right checksums. ChecksumError: half of them are right: the line is bad.
        """
        frame = yield from self.answer(command, takes, count)
        # Over a word that ends with its own checksum it is 0.
        right = sum(not crc.crc8(frame[at : at + 3]) for at in range(0, 3 * count, 3))
        if len(set(frame)) == 1 or 2 * right < count:
            expected = f"{count} words with checksums"
            raise WrongChip(self.name, self.address, expected=expected, found=frame.hex(" "))
        return crc.words(frame)

    def answer(self, command: bytes, takes: float, count: int) -> Generator[float, None, bytes]:
        """Send a command, wait as long as it takes, and return the answer: `count` words, each with its checksum."""
        self.write(command)
        yield takes
        return self.read_bytes(3 * count)

    def floats(self, command: bytes, takes: float, count: int) -> Generator[float, None, tuple[float, ...]]:
        """As `ask`, of numbers that have two words each."""
        words = yield from self.ask(command, takes, 2 * count)
        return struct.unpack(f">{count}f", struct.pack(f">{2 * count}H", *words))

    def look_for(self, sibling: str, command: bytes, takes: float, count: int, silence: NoAcknowledge) -> Waits:
        """Raise WrongChip if a sibling answers that command, else the error that there was."""
        try:
            answer = yield from self.ask(command, takes, count)
        except (NoAcknowledge, ChecksumError):
            raise silence from None
        found = " ".join(f"{word:04x}" for word in answer)
        hint = f'this is an {sibling.upper().replace("X", "x")}: write driver = "{sibling}"'
        raise WrongChip(self.name, self.address, expected=f"the proof of an {self.name}", found=found, hint=hint)


def celsius(ticks: int) -> float:
    """Return °C from a 16-bit temperature word, as SHT3x, SHT4x and SCD4x send it."""
    return -45 + 175 * ticks / 65535


def text(words: Sequence[int]) -> str:
    """Return the letters that words stand for, two each, up to the first 0."""
    letters = b"".join(word.to_bytes(2, "big") for word in words)
    return letters.partition(b"\0")[0].decode("ascii", "replace")


def whole(value: float | None, name: str, unit: str, low: int, high: int) -> int | None:
    """Return an option as the whole number that the chip takes.

    Raises:
        ValueError: it is none, or out of range.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} = {value!r}: the chip takes {low}..{high} {unit}")
    return round(value)
