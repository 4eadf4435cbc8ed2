"""The order in which hosts and addresses are tried, and how long each may take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

# Seconds for each step of a try while others remain to be tried. A try that failed everywhere may have been too hasty
# for a slow network, so the next one waits twice as long.
SHARE, LONGEST_SHARE = 1.5, 12.0


class Target(NamedTuple):
    """One address of one host.

    Attributes:
        family, sockaddr: as `socket.getaddrinfo` returns them.
        name: the host and port as a person knows them, with the address where the host has several.
    """

    host: str
    family: int
    sockaddr: tuple[Any, ...]
    name: str


class Route:
    """What is remembered of the way to the broker from one connection to the next."""

    def __init__(self) -> None:
        self._good: Target | None = None
        self._share = SHARE

    def hosts(self, hosts: Sequence[str]) -> list[str]:
        """Return the hosts in the order in which to try them: the one that worked last comes first."""
        good = self._good.host if self._good is not None else None
        return sorted(dict.fromkeys(hosts), key=lambda host: host != good)

    def targets(self, host: str, found: Sequence[Target]) -> list[Target]:
        """Return a host's addresses in the order in which to try them.

        Without any, because no name server answers, the address that worked last has to do.
        """
        good = self._good
        if good is None or not self.knows(host):
            return list(found)
        return sorted(found, key=lambda target: target.sockaddr != good.sockaddr) or [good]

    def knows(self, host: str) -> bool:
        """Return whether an address of this host has worked."""
        return self._good is not None and self._good.host == host

    def seconds(self, most: float, *, others: bool) -> float:
        """Return how long a step that may take `most` seconds gets; `others`: more remains to be tried."""
        return min(most, self._share) if others else most

    def worked(self, target: Target) -> None:
        """The broker let us in at this address."""
        self._good, self._share = target, SHARE

    def failed(self) -> None:
        """A try failed at every address of every host."""
        self._share = min(2 * self._share, LONGEST_SHARE)
