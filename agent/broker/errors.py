"""What went wrong with the broker, in words that a person can act on."""

from __future__ import annotations

import errno
import os
import socket
import ssl

from . import Address, BrokerError, BrokerLost, BrokerRefused, BrokerTimeout, Tls, TlsProblem

# MQTT 5.0 §3.2.2.2; paho translates the codes of 3.1.1 to these.
PERMANENT = {0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x95, 0x9A, 0x9B, 0x9C, 0x9D}
CURES = {
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
    0x95: "a packet was too large for the broker",
    0x97: "quota exceeded",
    0x9C: "the broker refers to another server",
    0x9D: "the broker has moved",
    0x9F: "too many connections",
}
# OpenSSL's X509_V_ERR_* (x509_vfy.h)
CERTIFICATE = {
    9: ("not_yet_valid", "the broker's certificate is not yet valid; is the clock right?"),
    10: ("expired", "the broker's certificate has expired"),
    18: ("unknown_ca", "the broker's certificate is self-signed; name it, or its authority, in mqtt.tls.ca_file"),
    19: ("unknown_ca", "nobody we trust stands behind the broker's certificate; check mqtt.tls.ca_file"),
    20: ("unknown_ca", "nobody we trust stands behind the broker's certificate; check mqtt.tls.ca_file"),
    21: ("unknown_ca", "nobody we trust stands behind the broker's certificate; check mqtt.tls.ca_file"),
    62: ("wrong_host", "the broker's certificate is for another host"),
    64: ("wrong_host", "the broker's certificate is for another address"),
}
NETWORK = {
    errno.ECONNREFUSED: "nobody listens there",
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "the host is unreachable",
    errno.ECONNRESET: "the connection was reset",
    errno.EPIPE: "the connection was closed",
    errno.EMFILE: "too many open files",
}


def refusal(code: int) -> BrokerRefused:
    """Return the error for a CONNACK with this MQTT 5 reason code."""
    text = CURES.get(code, "refused")
    return BrokerRefused(f"{text} (reason 0x{code:02x})", permanent=code in PERMANENT, code=code)


def farewell(code: int) -> BrokerLost:
    """Return the error for a DISCONNECT with this MQTT 5 reason code."""
    text = CURES.get(code, "the broker ended the session")
    return BrokerLost(f"{text} (reason 0x{code:02x})", permanent=code in PERMANENT - {0x95}, code=code)


def lost(address: Address, why: str, *, answered: bool) -> BrokerError:
    """Return the error for an ended connection; `why` are paho's or OpenSSL's words. `answered`: it sent a CONNACK."""
    where = f"{address.host}:{address.port}"
    if address.tls is not None and not answered:
        # In TLS 1.3 a client certificate is refused after the handshake, and the alert does not always get through.
        told = "alert" in why.lower()
        text = "refuses our certificate" if told else "hung up after the handshake; does it want a client certificate?"
        return TlsProblem(f"{where}: the broker {text} ({why})", "refused", permanent=told)
    return BrokerLost(f"{where}: the connection was lost ({why})")


def translated(error: BaseException, address: Address) -> BrokerError:
    """Return what `error`, raised while connecting, means."""
    where = f"{address.host}:{address.port}"
    made: BrokerError
    if isinstance(error, BrokerError):
        made = error
    elif isinstance(error, ssl.SSLError):
        made = _tls(error, where)
    elif isinstance(error, UnicodeError):
        made = BrokerLost(f"{address.host!r} is no host name", permanent=True)
    elif isinstance(error, socket.gaierror):
        made = BrokerLost(f"cannot find {address.host}: {error.strerror}")
    elif isinstance(error, TimeoutError):
        made = BrokerTimeout(f"no answer from {where}")
    elif isinstance(error, ConnectionResetError) and address.tls is not None:
        made = TlsProblem(
            f"{where}: the connection was reset; does the broker speak TLS there?", "other", permanent=False
        )
    elif isinstance(error, OSError):
        text = NETWORK.get(error.errno or 0) or (os.strerror(error.errno) if error.errno else str(error))
        made = BrokerLost(f"{where}: {text}")
    else:
        made = BrokerLost(f"{where}: {type(error).__name__}: {error}", permanent=True)
    return made


def _tls(error: ssl.SSLError, where: str) -> TlsProblem:
    if isinstance(error, ssl.SSLCertVerificationError):
        state, text = CERTIFICATE.get(error.verify_code, ("other", error.verify_message))
        # Time cures this one: a Pi has no clock battery.
        return TlsProblem(f"{where}: {text}", state, permanent=state != "not_yet_valid")
    reason = error.reason or str(error)
    if "ALERT" in reason:
        return TlsProblem(f"{where}: the broker refuses our certificate ({reason})", "refused")
    return TlsProblem(f"{where}: {reason}; does the broker speak TLS there?", "other")


def context(tls: Tls) -> ssl.SSLContext:
    """Return a new TLS context: chain and host name are checked, TLS 1.2 at least, files read anew.

    Raises:
        TlsProblem: a file cannot be read or is no PEM.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if tls.ca_file is None:
            made.load_default_certs()
        else:
            made.load_verify_locations(tls.ca_file)
        if tls.cert_file is not None:
            made.load_cert_chain(tls.cert_file, tls.key_file)
    except OSError as error:
        names = ", ".join(str(name) for name in (tls.ca_file, tls.cert_file, tls.key_file) if name is not None)
        raise TlsProblem(f"cannot use the TLS files ({names}): {error.strerror or error}", "files") from error
    return made
