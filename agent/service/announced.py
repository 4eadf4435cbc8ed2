"""A file that remembers what was announced, so that a later run can withdraw it.

A device that changes its id, loses a sensor or switches discovery off leaves retained documents with the broker.
Without the file, no later run could find them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from agent.messages.homeassistant import Announcement

from .files import FileThread, NewestContent

log = logging.getLogger("limpet")

LARGEST = 1_000_000  # bytes
DOCUMENTS = ("state", "info", "health", "status")


class Announced:
    """What one state folder has announced. The file is written only when its content changes.

    Args:
        file: where it is kept; None: in memory only.
        machine: names this machine. On a copied card the file belongs to the machine that it was copied from, and is
            ignored.

    Attributes:
        discovery: what was sent to Home Assistant.
        devices: the topics of devices whose documents the broker has, such as `limpet/greenhouse-1`.
    """

    def __init__(self, file: Path | None, machine: str = "") -> None:
        self._machine = machine
        self.discovery, self.devices = Announcement(), set[str]()
        self._thread = FileThread()
        self._file = NewestContent(file, self._thread, _not_written) if file is not None else None
        self._content = b""
        # The file is not written before it was read.
        self._is_known = file is None

    def load(self, known: Callable[[], object]) -> None:
        """Begin to read the file of earlier runs. Returns at once.

        Args:
            known: called on the running loop when the file was read; never if the disk hangs.
        """
        if self._file is None:
            return
        loop = asyncio.get_running_loop()

        def read(result: Future[bytes]) -> None:
            # RuntimeError: the loop is closed, the run is over.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._take, result, known)

        self._thread.submit(self._read).add_done_callback(read)

    def _take(self, result: Future[bytes], known: Callable[[], object]) -> None:
        self._is_known = True
        try:
            content = result.result()
            document = json.loads(content)
            if document["machine"] == self._machine:
                devices = _topics(document["devices"])
                self.discovery.remember(_discovery(document["discovery"]))
                self.devices.update(devices)
                self._content = content
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.warning("earlier announcements cannot be read", extra={"error": str(error)})
        known()

    def former(self, device: str) -> list[str]:
        """Return the topics of documents that this state folder has published for devices other than `device`."""
        self.devices.add(device)
        return [f"{one}/{name}" for one in sorted(self.devices - {device}) for name in DOCUMENTS]

    def forget(self, device: str, pending: Callable[[str], bool]) -> None:
        """Forget what was withdrawn, except topics whose withdrawal is still `pending`."""
        topics = {one: [f"{one}/{name}" for name in DOCUMENTS] for one in self.devices}
        self.devices = {one for one in self.devices if one == device or any(map(pending, topics[one]))}
        self.discovery.forget(pending)
        self.save()

    def save(self) -> None:
        """Write the file if its content has changed, in a thread."""
        document = {
            "machine": self._machine,
            "devices": sorted(self.devices),
            "discovery": {topic: dict(sorted(one.items())) for topic, one in sorted(self.discovery.told.items())},
        }
        content = json.dumps(document, indent=1).encode()
        if self._file is not None and self._is_known and content != self._content:
            self._content = content
            self._file.write(content)

    def _read(self) -> bytes:
        assert self._file is not None
        # Reading a fifo or a device might never end.
        if self._file.path.exists() and not self._file.path.is_file():
            raise FileExistsError(f"{self._file.path} is not a file")
        with self._file.path.open("rb") as file:
            return file.read(LARGEST)


def _discovery(told: Any) -> dict[str, dict[str, str]]:
    """Return the remembered discovery, checked so that every part of it can be published."""
    if not all(isinstance(one, str) for components in told.values() for item in components.items() for one in item):
        raise ValueError("a component is no text")
    return dict(zip(_topics(told), told.values(), strict=True))


def _topics(names: Iterable[Any]) -> list[str]:
    """Return the topics in `names`.

    Raises:
        ValueError: one of them cannot be published to.
    """
    listed = list(names)
    if not all(isinstance(name, str) and name and not set(name) & set("+#\0") for name in listed):
        raise ValueError("a topic cannot be published to")
    return listed


def _not_written(error: OSError) -> None:
    log.debug("announcements not written", extra={"error": str(error)})
