"""Outboxes of earlier runs with a ledger of what became of each batch, and what may happen to their files."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.outbox import Item, Outbox, Previous
from agent.outbox.sqlite import SqliteStore

PAGE = 4096
Key = tuple[str, int]


class Now:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Ledger:
    """What subscribers and the agent know of the earlier runs.

    Attributes:
        made: the body of each batch. settled: acknowledged, or declared and that acknowledged.
        admitted: by run, what its successor told of its end.
    """

    made: dict[Key, bytes] = field(default_factory=dict)
    settled: set[Key] = field(default_factory=set)
    admitted: dict[str, Previous] = field(default_factory=dict)

    def owed(self) -> set[Key]:
        """Return what is neither settled nor in an admitted tail."""
        return {key for key in self.made.keys() - self.settled if not self._in_tail(key)}

    def _in_tail(self, key: Key) -> bool:
        end = self.admitted.get(key[0])
        return end is not None and not end.clean and (end.last_seq is None or key[1] > end.last_seq)


class Life:
    """One run of an outbox on the true store."""

    def __init__(self, folder: Path, ledger: Ledger, run_id: str, *, size: int = 200, **options: object) -> None:
        self.folder, self.ledger, self.size = folder, ledger, size
        self.now = Now()
        self.store = SqliteStore(folder, 1_000_000)
        self.box = Outbox(run_id, self.now, kernel_boot="here", store=self.store, **options)  # type: ignore[arg-type]
        self.seq = 0

    async def open(self) -> None:
        await self.box.open()
        if (previous := self.box.previous) is not None and previous.run_id is not None:
            self.ledger.admitted[previous.run_id] = previous

    def put(self, count: int) -> None:
        for _ in range(count):
            self.seq += 1
            body = random.Random(f"{self.box.run_id} {self.seq}").randbytes(self.size)
            self.ledger.made[self.box.run_id, self.seq] = body
            self.box.put(Item(self.box.run_id, self.seq, self.now(), "here", body, "limpet/here"))

    def live(self, count: int) -> None:
        """Deliver fresh batches."""
        for _ in range(count):
            item = self.box.live(self.now())
            assert item is not None
            self._done(item)

    async def backfill(self, count: int) -> None:
        """Deliver the oldest batches."""
        for item in await self.box.history(count):
            self._done(item)

    def tell_gaps(self) -> set[Key]:
        """Deliver all gaps; return what they declare."""
        told = set()
        while (gap := self.box.next_gap()) is not None:
            told |= {(gap.run_id, seq) for seq in range(gap.first, gap.last + 1)}
            self.box.gap_done(gap)
        self.ledger.settled |= told
        return told

    async def keep(self) -> None:
        """Store everything, and let all of it be history."""
        await self.box.flush()
        self.now.seconds += 4.0

    async def crash(self) -> None:
        """End without a word; the files stay as a killed process leaves them."""
        copy = self.folder.with_name("crashed")
        shutil.copytree(self.folder, copy)
        await self.store._in_thread(self.store._file.shut)
        shutil.rmtree(self.folder)
        copy.rename(self.folder)

    def _done(self, item: Item) -> None:
        self.ledger.settled.add((item.run_id, item.seq))
        self.box.done(item)


async def an_outage(folder: Path, ledger: Ledger, *, size: int = 200, clean: bool = False) -> None:
    """One run: first all goes well, then an outage of which a part has been delivered."""
    life = Life(folder, ledger, "run-a", size=size)
    await life.open()
    life.put(7)
    life.live(7)
    for _ in range(5):
        life.put(20)
        await life.keep()
    await life.backfill(30)
    await life.keep()
    snapshot(folder)
    life.put(9)
    await life.keep()
    await (life.box.close() if clean else life.crash())


async def three_runs(folder: Path, ledger: Ledger, *, clean: bool = False) -> None:
    """Three runs of which something waits: the first was killed, the second was full and ended well."""
    first = Life(folder, ledger, "run-a")
    await first.open()
    first.put(50)
    await first.keep()
    first.put(3)
    await first.crash()
    second = Life(folder, ledger, "run-b", max_size=12_000)
    await second.open()
    await second.backfill(20)
    second.put(40)
    await second.keep()
    await second.keep()
    await second.box.close()
    snapshot(folder)
    third = Life(folder, ledger, "run-c")
    await third.open()
    await third.backfill(5)
    third.put(60)
    await third.keep()
    await third.backfill(5)
    await third.keep()
    await (third.box.close() if clean else third.crash())


async def nothing_waits(folder: Path, ledger: Ledger, *, clean: bool = False) -> None:
    """A run in which everything was acknowledged."""
    life = Life(folder, ledger, "run-a", durability="always")
    await life.open()
    life.put(30)
    await life.keep()
    await life.backfill(30)
    await life.keep()
    snapshot(folder)
    await (life.box.close() if clean else life.crash())


SCENES: dict[str, Callable[[Path, Ledger], object]] = {
    "an outage": an_outage,
    "an outage, ended well": lambda folder, ledger: an_outage(folder, ledger, clean=True),
    "an outage of long batches": lambda folder, ledger: an_outage(folder, ledger, size=6000),
    "three runs": three_runs,
    "three runs, ended well": lambda folder, ledger: three_runs(folder, ledger, clean=True),
    "nothing waits": nothing_waits,
    "nothing waits, ended well": lambda folder, ledger: nothing_waits(folder, ledger, clean=True),
}


def snapshot(folder: Path) -> None:
    """Keep a copy of the files of this moment in a folder beside."""
    shutil.copytree(folder, folder.with_name("earlier"))


def build(folder: Path) -> dict[str, tuple[Path, Ledger]]:
    """Play all scenes; return the folder and the ledger of each."""
    played = {}
    for name, scene in SCENES.items():
        ledger, place = Ledger(), folder / name / "now"
        place.parent.mkdir(parents=True)
        asyncio.run(scene(place, ledger))  # type: ignore[arg-type]
        played[name] = place, ledger
    return played


# --- what may happen to the files


def _database(folder: Path, dice: random.Random) -> Path:
    """Return the database or its log, if there is one with something in it."""
    log = folder / "outbox.db-wal"
    return log if log.exists() and log.stat().st_size > 0 and dice.random() < 0.4 else folder / "outbox.db"


def _change(change: Callable[[bytearray, random.Random], None]) -> Callable[[Path, random.Random], None]:
    def happen(folder: Path, dice: random.Random) -> None:
        file = _database(folder, dice)
        content = bytearray(file.read_bytes())
        change(content, dice)
        file.write_bytes(content)

    return happen


def _flip(content: bytearray, dice: random.Random) -> None:
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def _scatter(content: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randrange(2, 60)):
        content[dice.randrange(len(content))] = dice.randrange(256)


def _page(content: bytearray, dice: random.Random) -> int:
    return dice.randrange(len(content) // PAGE) * PAGE


def _swap(content: bytearray, dice: random.Random) -> None:
    one, other = _page(content, dice), _page(content, dice)
    mine = content[one : one + PAGE]
    content[one : one + PAGE] = content[other : other + PAGE]
    content[other : other + PAGE] = mine


def _repeat(content: bytearray, dice: random.Random) -> None:
    one, other = _page(content, dice), _page(content, dice)
    content[one : one + PAGE] = content[other : other + PAGE]


def _zero(content: bytearray, dice: random.Random) -> None:
    at = _page(content, dice)
    content[at : at + PAGE] = bytes(PAGE)


def _tear(content: bytearray, dice: random.Random) -> None:
    at = _page(content, dice) + 512 * dice.randrange(8)
    content[at : at + 512] = dice.randbytes(512)


def _cut(content: bytearray, dice: random.Random) -> None:
    del content[dice.randrange(len(content)) :]


def _grow(content: bytearray, dice: random.Random) -> None:
    content += dice.randbytes(dice.randrange(1, 3 * PAGE))


def _in_its_place(make: Callable[[Path], object]) -> Callable[[Path, random.Random], None]:
    def happen(folder: Path, dice: random.Random) -> None:
        file = dice.choice([folder / f"outbox.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")])
        file.unlink(missing_ok=True)
        make(file)

    return happen


def _header(folder: Path, dice: random.Random) -> None:
    file = folder / "outbox.db"
    content = bytearray(file.read_bytes())
    content[dice.randrange(100)] = dice.choice([0, 1, 0x7F, 0xFF, dice.randrange(256)])
    file.write_bytes(content)


def _no_writing(folder: Path, _: random.Random) -> None:
    file = folder / "outbox.db"
    content = bytearray(file.read_bytes())
    content[18] = 0xFF
    file.write_bytes(content)


def _older(suffixes: tuple[str, ...]) -> Callable[[Path, random.Random], None]:
    """Return what puts files of an earlier time into the place of the present ones."""

    def happen(folder: Path, _: random.Random) -> None:
        for suffix in suffixes:
            now, then = folder / f"outbox.db{suffix}", folder.with_name("earlier") / f"outbox.db{suffix}"
            now.unlink(missing_ok=True)
            if then.exists():
                shutil.copy(then, now)

    return happen


def _lose(suffix: str) -> Callable[[Path, random.Random], None]:
    return lambda folder, _: (folder / f"outbox.db{suffix}").unlink(missing_ok=True)


def _one_page_older(folder: Path, dice: random.Random) -> None:
    """Put one page of an earlier time into the database: a write that the card has lost."""
    file, earlier = folder / "outbox.db", (folder.with_name("earlier") / "outbox.db").read_bytes()
    content = bytearray(file.read_bytes())
    changed = [at for at in range(0, len(earlier), PAGE) if content[at : at + PAGE] != earlier[at : at + PAGE]]
    if changed:
        at = dice.choice(changed)
        content[at : at + PAGE] = earlier[at : at + PAGE]
        file.write_bytes(content)


def _schema(folder: Path, dice: random.Random) -> None:
    file = folder / "outbox.db"
    content = bytearray(file.read_bytes())
    begin, end = content.index(b"CREATE TABLE"), min(len(content), PAGE)
    at = content.index(
        dice.choice([b"PRIMARY", b"INTEGER", b"NOT NULL", b"batch", b"seq", b"REAL", b"BLOB"]), begin, end
    )
    content[at + dice.randrange(3)] = dice.choice(b"XAE 1")
    file.write_bytes(content)


def _witness(folder: Path, dice: random.Random) -> None:
    """Damage the witness, and let the database be: both copies, or one."""
    for suffix in dice.choice([("-witness",), ("-witness2",), ("-witness", "-witness2")]):
        file = folder / f"outbox.db{suffix}"
        content = bytearray(file.read_bytes())
        dice.choice([_flip, _cut, _grow])(content, dice)
        file.write_bytes(content)


def _database_and_a_witness(folder: Path, dice: random.Random) -> None:
    dice.choice([_lose(""), _change(_scatter), _change(_cut)])(folder, dice)
    _lose(dice.choice(["-witness", "-witness2"]))(folder, dice)


KINDS: dict[str, Callable[[Path, random.Random], None]] = {
    "a flipped bit": _change(_flip),
    "bytes overwritten": _change(_scatter),
    "two pages swapped": _change(_swap),
    "a page over another": _change(_repeat),
    "a page of zeros": _change(_zero),
    "a torn page": _change(_tear),
    "the end cut off": _change(_cut),
    "something behind the end": _change(_grow),
    "a page of another time": _one_page_older,
    "a byte of the header": _header,
    "a letter of the schema": _schema,
    "a header that forbids writing": _no_writing,
    "a folder in its place": _in_its_place(Path.mkdir),
    "a fifo in its place": _in_its_place(os.mkfifo),
    "a link to nowhere in its place": _in_its_place(lambda file: file.symlink_to("nowhere/at/all")),
    "nothing but text": _in_its_place(lambda file: file.write_text("this is no database\n" * 999)),
    "an empty file in its place": _in_its_place(lambda file: file.write_bytes(b"")),
    "the database lost": _lose(""),
    "the log lost": _lose("-wal"),
    "the database of another time": _older(("",)),
    "the log of another time": _older(("-wal",)),
    "database and log of another time": _older(("", "-wal", "-shm")),
    "a damaged witness": _witness,
    "the database and a witness": _database_and_a_witness,
}


def cases(folder: Path, played: dict[str, tuple[Path, Ledger]], kind: str, count: int) -> Iterator[tuple[Path, Ledger]]:
    """Yield so many damaged copies of the scenes' folders, each with its ledger."""
    for seed in range(count):
        dice = random.Random(f"{kind} {seed}")
        source, ledger = played[dice.choice(list(played))]
        place = folder / f"{kind} {seed}"
        shutil.copytree(source.parent, place)
        KINDS[kind](place / "now", dice)
        yield place / "now", Ledger(dict(ledger.made), set(ledger.settled), dict(ledger.admitted))
        shutil.rmtree(place)
