"""The law of damage: of an earlier run, each batch is delivered, declared, or in the tail that is admitted."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from damage import KINDS, Ledger, Life, build, cases

# Damaged files a kind.
A_KIND = int(os.environ.get("LIMPET_DAMAGED_FILES", "24"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in memory where there is one: the law is about content, and a disk would take minutes."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def played(folder):
    return build(folder / "scenes")


async def judge(folder, ledger: Ledger) -> list[str]:
    """Open what is left of an outbox, deliver all of it, and return what is wrong with that."""
    life = Life(folder, ledger, "run-z")
    await life.open()
    wrong = []
    if life.box.stats().storage != "ok":
        wrong.append("it is not stored")
    previous = life.box.previous
    if previous is None:
        return ["there was no earlier run"]
    life.put(3)
    await life.keep()
    while items := await life.box.history(64):
        for item in items:
            key = item.run_id, item.seq
            if ledger.made.get(key) != item.body:
                wrong.append(f"{key} is not what was made")
            ledger.settled.add(key)
            life.box.done(item)
    if invented := life.tell_gaps() - ledger.made.keys():
        wrong.append(f"never made, but declared: {sorted(invented)[:9]}")
    if owed := ledger.owed():
        wrong.append(f"neither delivered nor declared nor admitted by {previous}: {sorted(owed)[:9]} of {len(owed)}")
    await life.box.close()
    return wrong


@pytest.mark.parametrize(
    "kind", ["nothing but text", "an empty file in its place", "the database lost", "the end cut off"]
)
def test_a_file_without_its_witness_is_still_no_first_start(played, folder, kind):
    for place, ledger in cases(folder, played, kind, A_KIND // 4):
        for suffix in ("-witness", "-witness2"):
            (place / f"outbox.db{suffix}").write_bytes(b"")
        wrong = asyncio.run(judge(place, ledger))
        assert all(one.startswith("neither") for one in wrong), "it cannot know more"


@pytest.mark.parametrize("kind", KINDS)
def test_each_batch_is_delivered_declared_or_admitted(played, folder, kind):
    wrong = []
    for place, ledger in cases(folder, played, kind, A_KIND):
        wrong += [f"{place.parent.name}: {one}" for one in asyncio.run(judge(place, ledger))]
    assert wrong == []
