"""The files in the outbox's folder: what may read them, whether the disk takes them, and which are kept."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

# For owner and group only, whatever the umask is.
MODE, FOLDER_MODE = 0o640, 0o750
PROBE = "outbox.probe-"
# As many as SQLite and a recovery may need at once.
DESCRIPTORS = 12
COMPANIONS = ("", "-wal", "-shm", "-journal")
MOST_SET_ASIDE = 5


def most_pages(max_size: int) -> int:
    """Return how many pages a database with bodies of `max_size` bytes may have."""
    return max_size // 2048 + 4096


def make_folder(folder: Path) -> None:
    """Make a folder that is not there; one that is keeps its mode, since it may hold more than ours.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(FOLDER_MODE)


def try_disk(folder: Path) -> None:
    """Write and read a small file, so that what fails afterwards is not the disk's fault.

    Raises:
        OSError: the disk is full, read-only or broken.
    """
    for left_over in folder.glob(f"{PROBE}*"):
        remove(left_over)
    name = folder / f"{PROBE}{os.getpid()}"
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    open_too: list[int] = []
    try:
        os.write(descriptor, b"probe")
        os.fsync(descriptor)
        os.pread(descriptor, 5, 0)
        # SQLite calls it a file that cannot be opened when a process has as many files open as it may.
        while len(open_too) < DESCRIPTORS:
            open_too.append(os.dup(descriptor))
    finally:
        for one in (descriptor, *open_too):
            os.close(one)
        name.unlink()


def restrict(folder: Path) -> None:
    """Take the outbox's files from everybody but owner and group, and give them to the owner; others' stay."""
    for file in folder.glob("outbox.*"):
        with contextlib.suppress(OSError):
            mode = file.lstat().st_mode
            if stat.S_ISREG(mode) and (mode & 0o777) != MODE:
                file.chmod(MODE)


def create(file: Path) -> None:
    """Make an empty file that is not there yet, for owner and group only."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
    try:
        os.fchmod(descriptor, MODE)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have what was made or renamed in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(file: Path, mark: str, most_bytes: int) -> Path:
    """Rename the database and what belongs to it, and drop older ones of these; return its new name.

    The newest five are kept, fewer where these are larger than `most_bytes` together.

    Raises:
        OSError: it could not be renamed.
    """
    aside = file.with_name(f"outbox.corrupt-{mark}.db")
    count = 1
    while parts(aside):
        count += 1
        aside = file.with_name(f"outbox.corrupt-{mark}-{count}.db")
    # The database goes last: a cut in between leaves one that is examined again.
    for companion in reversed(COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{file}{companion}").rename(f"{aside}{companion}")
    sync_folder(file.parent)
    _drop_old(file.parent, aside, most_bytes)
    return aside


def _drop_old(folder: Path, newest: Path, most_bytes: int) -> None:
    names = {f"{file.name.rpartition('.db')[0]}.db" for file in folder.glob("outbox.corrupt-*.db*")} - {newest.name}
    others = sorted((folder / name for name in names), key=_set_aside_at, reverse=True)
    kept, size = 1, _size(newest)
    for one in others:
        kept, size = kept + 1, size + _size(one)
        if kept > MOST_SET_ASIDE or size > most_bytes:
            for part in parts(one):
                remove(part)


def parts(file: Path) -> list[Path]:
    """Return what there is of a database and its companions, whatever it is."""
    return [part for companion in COMPANIONS if os.path.lexists(part := Path(f"{file}{companion}"))]


def _size(file: Path) -> int:
    return sum(part.lstat().st_size for part in parts(file))


def _set_aside_at(file: Path) -> float:
    """Return when it was renamed, which changes no other time of a file."""
    return max(part.lstat().st_ctime for part in parts(file))


def free(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def remove(path: Path) -> None:
    """Remove a file or a folder, if that is possible."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            # Imports three compressors, and there is hardly ever a folder to remove.
            import shutil

            shutil.rmtree(path)
        else:
            path.unlink()
