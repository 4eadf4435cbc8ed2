"""The way to the broker up to MQTT's first byte: name, TCP, TLS, WebSocket. All of it blocks, so it runs in threads."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TypeAlias

from . import Address, BrokerError, BrokerLost, BrokerTimeout, TlsProblem
from .errors import translated
from .route import Target
from .tls import context
from .websocket import WebSocket, handshake

Socket: TypeAlias = socket.socket | WebSocket


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What is read from files for each connection. `context`: None without TLS."""

    password: str | None
    context: ssl.SSLContext | None


def read_credentials(address: Address) -> Credentials:
    """Read the password and the TLS files.

    Raises:
        BrokerError: one of them cannot be used.
    """
    password = address.password
    try:
        word = password() if callable(password) else password
        return Credentials(word, None if address.tls is None else context(address.tls))
    except BrokerError:
        raise
    except OSError as error:
        # A file that cannot be read now may be there later; one that holds something else waits for a person.
        raise BrokerError(str(error), permanent=not isinstance(error.__cause__, OSError)) from error


def resolve(host: str, port: int) -> list[Target]:
    """Return the addresses of a host, in the order in which the system prefers them.

    Raises:
        BrokerError: the name cannot be resolved.
    """
    name = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise translated(error, host) from error
    places = list(dict.fromkeys((family, sockaddr) for family, _, _, _, sockaddr in found))
    if not places:
        raise BrokerLost(f"cannot find {host}: it has no address")
    many = len(places) > 1
    return [Target(host, family, place, f"{name} ({place[0]})" if many else name) for family, place in places]


def open_socket(address: Address, target: Target, tls: ssl.SSLContext | None, seconds: float) -> Socket:
    """Return a socket on which MQTT can begin; each wait for the network may take `seconds`.

    Raises:
        BrokerError: there is none to be had.
    """
    raw = socket.socket(target.family, socket.SOCK_STREAM)
    opened: socket.socket = raw
    try:
        raw.settimeout(seconds)
        raw.connect(target.sockaddr)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            opened = _wrapped(raw, address, target, tls)
            _shake_hands(opened, target, seconds)
        if address.transport == "websockets":
            return handshake(opened, target.host, address.port, address.path)
        return opened
    except BaseException as error:
        opened.close()
        if isinstance(error, Exception):
            raise translated(error, target.name, certified=certified(address)) from error
        raise


def certified(address: Address) -> bool:
    """Return whether we have a client certificate."""
    return address.tls is not None and address.tls.cert_file is not None


def _wrapped(raw: socket.socket, address: Address, target: Target, tls: ssl.SSLContext) -> ssl.SSLSocket:
    assert address.tls is not None
    # A name may end with the dot of the root; certificates have none.
    name = address.tls.server_name or target.host.removesuffix(".")
    return tls.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False)


def _shake_hands(secured: ssl.SSLSocket, target: Target, seconds: float) -> None:
    """Do the TLS handshake.

    Raises:
        OSError: it failed.
    """
    secured.settimeout(seconds)
    try:
        secured.do_handshake()
    except TimeoutError:
        raise BrokerTimeout(f"{target.name} did not answer when TLS began; does the broker speak TLS there?") from None
    except (ConnectionError, ssl.SSLEOFError) as error:
        text = f"{target.name} hung up when TLS began; does the broker speak TLS there?"
        raise TlsProblem(text, "port", permanent=False) from error
