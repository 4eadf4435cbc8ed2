"""What went wrong with the broker, in words that a person can act on."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Sequence

from . import BrokerError, BrokerLost, BrokerRefused, BrokerTimeout, TlsProblem, WrongPort
from .tls import tls_problem

# MQTT 5.0 §3.2.2.2; the return codes of 3.1.1 are translated to these.
PERMANENT = {0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x95, 0x9A, 0x9B, 0x9C, 0x9D}
MEANINGS = {
    0x81: "the broker takes our packet for damaged",
    0x82: "the broker says that we broke the protocol",
    0x84: "the broker does not speak this version of MQTT; set mqtt.version",
    0x85: "the broker refuses the client id",
    0x86: "bad user name or password",
    0x87: "not authorised",
    0x88: "the broker is unavailable",
    0x89: "the broker is busy",
    0x8A: "this client is banned",
    0x8B: "the broker is shutting down",
    0x8C: "bad authentication method",
    0x8D: "the broker heard nothing from us in time",
    0x8E: "another client with the same client id has taken over",
    0x8F: "the broker refuses a topic filter",
    0x90: "the broker refuses a topic name",
    0x93: "more messages under way than the broker allows",
    0x95: "a packet was too large for the broker",
    0x96: "more messages a second than the broker allows",
    0x97: "quota exceeded",
    0x98: "the broker's administrator ended the session",
    0x99: "the broker refuses the format of a payload",
    0x9A: "the broker keeps no retained messages",
    0x9B: "the broker does not support QoS 1",
    0x9C: "the broker refers to another server",
    0x9D: "the broker has moved",
    0x9F: "too many connections",
    0xA0: "the session lasted as long as the broker allows",
}
NETWORK = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "the host is unreachable",
    errno.EADDRNOTAVAIL: "this machine has no address that leads there",
    errno.EAFNOSUPPORT: "this machine has no address that leads there",
    errno.ECONNRESET: "the connection was reset",
    errno.EPIPE: "the connection was closed",
    errno.EMFILE: "too many open files",
}
# The other side ended the connection.
ENDS = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
# What another server sends first, and what it is.
WITH_TLS = "a server that speaks TLS; add [mqtt.tls]"
WITHOUT_TLS = "a broker without TLS on this port; the usual port with TLS is 8883"
FIRST_BYTES = (
    (b"\x15\x03", WITH_TLS),
    (b"\x16\x03", WITH_TLS),
    (b"\x20", WITHOUT_TLS),
    (b"\xe0", WITHOUT_TLS),
    (b"HTTP/", 'a web server; MQTT over WebSockets needs transport = "websockets"'),
    (b"SSH-", "an SSH server"),
    (b"220", "a mail or FTP server"),
    (b"INFO {", "a NATS client port; the server's MQTT port is another"),
    (b"AMQP", "an AMQP port; the server's MQTT port is another"),
    (b"-ERR", "a Redis server"),
)
# The most telling of several errors: who refused us has understood us best.
TELLING = (BrokerRefused, TlsProblem, WrongPort, BrokerTimeout, BrokerLost, BrokerError)


def refusal(code: int, words: str = "") -> BrokerRefused:
    """Return the error for a CONNACK with this MQTT 5 reason code. `words`: the broker's own."""
    text = f"{MEANINGS.get(code, 'refused')} ({_reason(code, words)})"
    return BrokerRefused(text, permanent=code in PERMANENT, code=code)


def farewell(code: int, words: str = "") -> BrokerLost:
    """Return the error for a DISCONNECT with this MQTT 5 reason code. `words`: the broker's own."""
    text = f"{MEANINGS.get(code, 'the broker ended the session')} ({_reason(code, words)})"
    return BrokerLost(text, permanent=code in PERMANENT - {0x95}, code=code)


def _reason(code: int, words: str) -> str:
    return f"reason 0x{code:02x}: {words}" if words else f"reason 0x{code:02x}"


def hung_up(text: str) -> BrokerLost:
    """Return the error for a connection that ended before the broker accepted or refused the session."""
    made = BrokerLost(text)
    made.hung_up = True
    return made


def foreign(first: bytes, where: str) -> WrongPort:
    """Return the error for a server whose first bytes are not MQTT's."""
    what = next((name for start, name in FIRST_BYTES if first.startswith(start)), None)
    found = f"is {what}" if what else f"does not speak MQTT: it begins with {first[:16]!r}"
    return WrongPort(f"{where} {found}")


def translated(error: BaseException, where: str, *, certified: bool = True) -> BrokerError:
    """Return what `error`, raised while connecting to `where` or while connected, means.

    Args:
        certified: we have a client certificate.
    """
    made: BrokerError
    if isinstance(error, BrokerError):
        made = error
    elif isinstance(error, ssl.SSLError) and isinstance(error, ENDS):
        made = BrokerLost(f"{where}: the connection was closed")
    elif isinstance(error, ssl.SSLError):
        made = tls_problem(error, where, certified=certified)
    elif isinstance(error, socket.gaierror):
        made = BrokerLost(f"cannot find {where}: {error.strerror}")
    elif isinstance(error, UnicodeError):
        made = BrokerLost(f"{where!r} is no host name", permanent=True)
    elif isinstance(error, TimeoutError):
        made = BrokerTimeout(f"no answer from {where}")
    elif isinstance(error, OSError):
        text = NETWORK.get(error.errno or 0) or (os.strerror(error.errno) if error.errno else str(error))
        made = BrokerLost(f"{where}: {text}")
    else:
        made = BrokerLost(f"{where}: {type(error).__name__}: {error}", permanent=True)
    return made


def together(errors: Sequence[BrokerError]) -> BrokerError:
    """Return one error for a try that failed everywhere: the most telling one, with the texts of all."""
    best = min(errors, key=lambda error: next(n for n, kind in enumerate(TELLING) if isinstance(error, kind)))
    texts = list(dict.fromkeys(map(str, errors)))
    if len(texts) > 1:
        best.args = ("; ".join(texts),)
    best.permanent = all(error.permanent for error in errors)
    return best
