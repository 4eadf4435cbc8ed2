"""The names of the topics below `<root>/<device_id>/`."""

from __future__ import annotations

from typing import NamedTuple


class Topics(NamedTuple):
    """All topics of one device.

    Args:
        root: one level, or several: "site/hall-3/limpet".

    >>> Topics("limpet", "greenhouse-1").batch
    'limpet/greenhouse-1/batch'
    """

    root: str
    device_id: str

    def of(self, name: str) -> str:
        """Return the full topic of `name`."""
        return f"{self.device}/{name}"

    @property
    def device(self) -> str:
        """What all of them begin with."""
        return f"{self.root}/{self.device_id}"

    @property
    def status(self) -> str:
        """Retained; `online` or `offline`."""
        return self.of("status")

    @property
    def batch(self) -> str:
        """Batches as they happen."""
        return self.of("batch")

    @property
    def backfill(self) -> str:
        """Batches that could not be delivered when they happened."""
        return self.of("backfill")

    @property
    def state(self) -> str:
        """Retained; the present of every sensor."""
        return self.of("state")

    @property
    def health(self) -> str:
        """Retained; breakers, outbox, clock, process."""
        return self.of("health")

    @property
    def info(self) -> str:
        """Retained; what this device is."""
        return self.of("info")

    @property
    def gap(self) -> str:
        """Declared holes."""
        return self.of("gap")

    def request(self, name: str = "+") -> str:
        """Where requests come in."""
        return self.of(f"request/{name}")

    def response(self, name: str) -> str:
        """Where their responses go."""
        return self.of(f"response/{name}")

    @property
    def client_id(self) -> str:
        """The MQTT client id, where none is configured."""
        return f"{self.root}-{self.device_id}".replace("/", "-")
