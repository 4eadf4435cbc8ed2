"""Laws of bad lines: what a driver accepts is the truth, also where bits are wrong and frames are cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from .bench import Bench, EventfulBus, Happening, bench, level
from .exceptions import CONSTANT_LINES, HALF_FRAMES, UNTRUE_AT_ONE_PERCENT

READINGS = 150
# With noise in what is written, too: most of it is harmless, so that lies are rarer; each may be tried three times.
ROUNDS, TRIES = 600, 3
WORLDS = (0.0, 0.13, 0.02, 0.2)
# What a chip whose samples differ by noise may be off, besides the steps that every chip may.
NOISE = 3
BYTES = (0x00, 0x01, 0x08, 0x10, 0x42, 0x55, 0x80, 0xAA, 0xFE, 0xFF)


def one_bit_in_500(name: str) -> Iterator[str]:
    """At most one accepted reading in a hundred is untrue, and a quarter of the readings is accepted."""
    taken, lies = on_a_noisy_line(name, 1 / 500)
    yield from untrue(lies, 0.01 * taken)
    if taken < READINGS // 4:
        yield f"only {taken} of {READINGS} readings were accepted"


def one_written_bit_in_500(name: str) -> Iterator[str]:
    """The same where bits that are written are wrong as well; three tries have a reading in half of the rounds."""
    with bench(name) as one:
        one.noise = NOISE
        one.bus.rule = noisy(1 / 500, name, written=True)
        taken, lies = accepted(one, ROUNDS, TRIES)
    yield from untrue(lies, 0.01 * taken)
    if taken < ROUNDS // 2:
        yield f"only {taken} of {ROUNDS} rounds had a reading"


def one_bit_in_100(name: str) -> Iterator[str]:
    """Next to no accepted reading is untrue."""
    taken, lies = on_a_noisy_line(name, 1 / 100)
    yield from untrue(lies, UNTRUE_AT_ONE_PERCENT.get(name, 0.0) * taken)


def a_constant_line(name: str, byte: int, known: bool) -> Iterator[str]:
    """Every read is one byte, at every address."""
    with bench(name) as one:
        if known and (problem := one.truth()):
            yield problem
        one.bus.rule = level(byte)
        _, lies = accepted(one, 4)
        yield from lies if byte not in CONSTANT_LINES.get(name, {}) else ()


def a_constant_line_believed_by_name(name: str) -> Iterator[str]:
    """Every read is one byte, and the user says that the chip need not identify itself."""
    for byte in range(256):
        with bench(name) as one:
            one.driver.lenient = True
            one.bus.rule = level(byte)
            yield from accepted(one, 2)[1]


def half_frames(name: str, rest: int, known: bool) -> Iterator[str]:
    """Only half of each answer arrives."""
    with bench(name) as one:
        if known and (problem := one.truth()):
            yield problem
        one.bus.rule = cut(lambda length: length // 2, rest)
        _, lies = accepted(one, 8)
        yield from lies if rest not in HALF_FRAMES.get(name, {}) else ()


def a_few_cut_frames(name: str, rest: int) -> Iterator[str]:
    """Some messages in a row are cut, wherever that begins, and however many it hits."""
    with bench(name) as one:
        if problem := one.truth():
            yield problem
        before = one.bus.messages
        if problem := one.truth():
            yield problem
        messages = one.bus.messages - before
    half = cut(lambda length: length // 2, rest)
    for hit in (1, 2, 3, 4):
        for first in range(min(messages, 40)):
            result = _after(name, first, hit, half)
            if result != "truth" and not result.startswith("raised"):
                yield f"{hit} from message {first} on: {result}"


def untrue(problems: list[str], most: float) -> Iterator[str]:
    """Yield what is wrong where more than this many readings are untrue; a crash is always wrong."""
    lies = [one for one in problems if not one.startswith("CRASHED")]
    yield from problems if len(lies) > most else (one for one in problems if one not in lies)


def _after(name: str, first: int, hit: int, happening: Happening) -> str:
    """Return the outcome of a reading in service of which some messages were hit."""
    with bench(name) as one:
        if problem := one.truth():
            return problem
        begins = one.bus.messages + first
        one.bus.plan.update(dict.fromkeys(range(begins, begins + hit), happening))
        one.chip.feel(**one.elsewhere(0.13))
        one.settle()
        return one.outcome()


def on_a_noisy_line(name: str, share: float) -> tuple[int, list[str]]:
    """Read many times where each bit is wrong with this probability."""
    with bench(name) as one:
        one.noise = NOISE
        one.bus.rule = noisy(share, name)
        return accepted(one, READINGS)


def accepted(one: Bench, readings: int, tries: int = 1) -> tuple[int, list[str]]:
    """Read in changing worlds; return how many readings were accepted, and the lies among them, and crashes."""
    taken, lies = 0, []
    for n in range(readings):
        one.chip.feel(**one.elsewhere(WORLDS[n % len(WORLDS)]))
        one.settle()
        for _ in range(tries):
            result = one.outcome()
            if not result.startswith("raised"):
                taken += not result.startswith("CRASHED")
                lies += [result] if result != "truth" else []
                break
    return taken, lies


def noisy(share: float, seed: str, *, written: bool = False) -> Happening:
    """Let each bit that is read, and if so wished each that is written, arrive wrong with this probability."""
    dice = Random(seed)

    def damaged(data: bytes) -> bytes:
        arrived = bytearray(data)
        for at in range(8 * len(arrived)):
            if dice.random() < share:
                arrived[at // 8] ^= 1 << at % 8
        return bytes(arrived)

    def happening(wire: EventfulBus, address: int, data: bytes, length: int | None) -> bytes:
        return damaged(wire.through(address, damaged(data) if written else data, length))

    return happening


def cut(keep: Callable[[int], int], rest: int) -> Happening:
    """Let only the first bytes of each answer arrive; then the line stays at one level."""

    def happening(wire: EventfulBus, address: int, data: bytes, length: int | None) -> bytes:
        answer = wire.through(address, data, length)
        return answer[: keep(len(answer))].ljust(len(answer), bytes([rest]))

    return happening
