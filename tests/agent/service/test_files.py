"""Files beside the loop: the newest content gets there, and a disk that hangs holds up its thread alone."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from agent.service import files

LONG = 10.0  # real seconds after which a thread that has not answered never will


@pytest.fixture
def failures() -> list[OSError]:
    return []


@pytest.fixture
def newest(tmp_path, failures) -> files.NewestContent:
    return files.NewestContent(tmp_path / "folder" / "file", files.FileThread(), failures.append)


def test_a_content_is_in_the_file_when_its_writing_is_done(newest):
    newest.write(b"one").result(LONG)
    assert newest.path.read_bytes() == b"one"
    newest.write(b"two").result(LONG)
    assert newest.path.read_bytes() == b"two"
    assert [path.name for path in newest.path.parent.iterdir()] == ["file"]


def test_of_contents_that_wait_only_the_newest_is_written(newest, monkeypatch):
    written, true = [], files.replace
    begun, goes_on = threading.Event(), threading.Event()

    def slow(path, content):
        begun.set()
        goes_on.wait(LONG)
        written.append(content)
        true(path, content)

    monkeypatch.setattr(files, "replace", slow)
    first = newest.write(b"0")
    assert begun.wait(LONG)
    last = [newest.write(str(number).encode()) for number in range(1, 100)]
    goes_on.set()
    wait([first, *last], LONG)
    assert written == [b"0", b"99"]
    assert newest.path.read_bytes() == b"99"


def test_a_disk_that_fails_is_told_and_tried_again(newest, failures):
    newest.path.parent.touch()
    newest.write(b"x").result(LONG)
    assert len(failures) == 1
    newest.path.parent.unlink()
    newest.write(b"y").result(LONG)
    assert newest.path.read_bytes() == b"y"


def test_a_call_that_fails_does_not_end_the_thread():
    thread = files.FileThread()
    with pytest.raises(ZeroDivisionError):
        thread.submit(lambda: 1 // 0).result(LONG)
    assert thread.submit(lambda: 7).result(LONG) == 7


def test_the_thread_ends_when_nothing_is_left_to_do():
    thread, seen = files.FileThread(), []
    for _ in range(3):
        thread.submit(lambda: seen.append(threading.current_thread())).result(LONG)
        seen[-1].join(LONG)
        assert not seen[-1].is_alive()
    assert len(set(seen)) == 3


def test_a_machine_without_a_thread_to_spare_fails_the_content_and_not_the_next_one(newest, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as machine:
        machine.setattr(threading.Thread, "start", start)
        with pytest.raises(OSError, match="can't start"):
            newest.write(b"one").result(LONG)
    newest.write(b"two").result(LONG)
    assert newest.path.read_bytes() == b"two"
