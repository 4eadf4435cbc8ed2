"""Why a broker hung up without a word: asked by connections of their own, on which no name and no secret travels."""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import replace

from . import Address, BrokerError, TlsProblem, WrongPort
from .dial import certified, open_socket
from .errors import WITH_TLS, WITHOUT_TLS, foreign
from .route import Target
from .tls import tls_problem

WAIT = 1.0  # seconds for each answer
# MQTT 3.1.1 §3.1: CONNECT with an empty client id and a clean session.
ANONYMOUS_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
CONNACK_BYTE = b"\x20"
RECORDS = range(0x14, 0x19)  # RFC 8446 §5.1: what a TLS server's bytes may begin with


def diagnose(
    error: BrokerError, address: Address, target: Target, tls: ssl.SSLContext | None, *, thorough: bool
) -> BrokerError:
    """Return an error that says more than `error`, if there is more to be found out, else `error`. Blocks.

    Args:
        thorough: bother a server that is probably right with a TLS handshake, too.
    """
    found: BrokerError | None = None
    if tls is None:
        if thorough and error.hung_up and _speaks_tls(target):
            found = WrongPort(f"{target.name} is {WITH_TLS}")
    elif error.hung_up:
        found = _late_alert(address, target, tls)
    elif isinstance(error, TlsProblem) and error.state == "port":
        found = _without_tls(target)
    return found or error


def _late_alert(address: Address, target: Target, tls: ssl.SSLContext) -> TlsProblem | None:
    """Return why the broker ends TLS after the handshake, if it says so.

    In TLS 1.3 a client certificate is refused after the client's last handshake message. The alert is lost where the
    client has sent something meanwhile: the broker's kernel answers that with a reset. So this sends nothing.
    """
    try:
        with contextlib.closing(open_socket(replace(address, transport="tcp"), target, tls, WAIT)) as opened:
            opened.recv(1)
    except TlsProblem as problem:
        return problem
    except ssl.SSLError as error:
        made = tls_problem(error, target.name, certified=certified(address))
        return made if made.state != "other" else None
    except OSError:
        return None
    return None


def _speaks_tls(target: Target) -> bool:
    """Return whether a TLS handshake is answered, whatever the certificate."""
    answer = _answer(target, _client_hello())
    return bool(answer) and answer[0] in RECORDS


def _without_tls(target: Target) -> TlsProblem | None:
    """Return what answers in the clear where TLS was expected."""
    answer = _answer(target, _client_hello())
    if answer and answer[0] not in RECORDS:
        return TlsProblem(f"{foreign(answer, target.name)}; it does not speak TLS there", "port")
    if not answer and _answer(target, ANONYMOUS_CONNECT)[:1] == CONNACK_BYTE:
        return TlsProblem(f"{target.name} is {WITHOUT_TLS}", "port")
    return None


def _client_hello() -> bytes:
    hello = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    return hello.read()


def _answer(target: Target, question: bytes) -> bytes:
    """Return the first bytes of an answer; none if none comes in time."""
    try:
        with socket.socket(target.family, socket.SOCK_STREAM) as raw:
            raw.settimeout(WAIT)
            raw.connect(target.sockaddr)
            raw.sendall(question)
            return raw.recv(16)
    except OSError:
        return b""
