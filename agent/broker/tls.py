"""TLS to the broker: the context from the files, and what its errors mean.

Sources: RFC 8446 §6 (alerts); OpenSSL's sslerr.h (their names there) and x509_vfy.h (X509_V_ERR_*).
"""

from __future__ import annotations

import ssl
from pathlib import Path

from . import Tls, TlsProblem

LARGEST_FILE = 1 << 20

# X509_V_ERR_*: what is wrong with the broker's certificate.
CERTIFICATE = {
    9: ("not_yet_valid", "the broker's certificate is not yet valid; is the clock right?"),
    10: ("expired", "the broker's certificate has expired"),
    18: ("unknown_ca", "the broker's certificate is self-signed; name it, or its authority, in mqtt.tls.ca_file"),
    19: (
        "unknown_ca",
        "the broker's certificate is signed by an authority that is not trusted; check mqtt.tls.ca_file",
    ),
    20: (
        "unknown_ca",
        "the broker's certificate is signed by an authority that is not trusted; check mqtt.tls.ca_file",
    ),
    21: (
        "unknown_ca",
        "the broker's certificate is signed by an authority that is not trusted; check mqtt.tls.ca_file",
    ),
    62: ("wrong_host", "the broker's certificate is for another host"),
    64: ("wrong_host", "the broker's certificate is for another address"),
}
# A part of OpenSSL's name of an alert or of an error of its own; the first that fits counts.
REASONS = (
    ("CERTIFICATE_REQUIRED", "wanted", "the broker asks for a client certificate"),
    ("ALERT_BAD_CERTIFICATE", "refused", "the broker takes our certificate for damaged"),
    ("BAD_CERTIFICATE_STATUS", "other", "the broker could not check a certificate's status"),
    ("UNSUPPORTED_CERTIFICATE", "refused", "the broker does not support the kind of our certificate"),
    ("CERTIFICATE_REVOKED", "refused", "our certificate has been revoked"),
    ("CERTIFICATE_EXPIRED", "refused", "our certificate has expired"),
    ("CERTIFICATE_UNKNOWN", "refused", "the broker does not accept our certificate"),
    ("ALERT_UNKNOWN_CA", "refused", "the broker does not trust the authority of our certificate"),
    ("ACCESS_DENIED", "refused", "the broker knows our certificate and denies it access"),
    ("DECRYPT_ERROR", "refused", "the broker could not verify our certificate's signature"),
    ("UNRECOGNIZED_NAME", "name", "the broker serves no host of this name"),
    ("NO_APPLICATION_PROTOCOL", "other", "the broker speaks none of the protocols in mqtt.tls.alpn"),
    ("INSUFFICIENT_SECURITY", "cipher", "the broker asks for stronger ciphers than ours"),
    ("HANDSHAKE_FAILURE", "cipher", "the broker has no cipher in common with us, or asks for a client certificate"),
    ("NO_SHARED_CIPHER", "cipher", "the broker has no cipher in common with us"),
    ("NO_CIPHERS", "cipher", "the broker has no cipher in common with us"),
    ("KEY_TOO_SMALL", "cipher", "the broker's key is too short to be safe"),
    ("MD_TOO_WEAK", "cipher", "the broker's certificate is signed with a hash that is no longer safe"),
    ("PROTOCOL_VERSION", "version", "the broker does not speak TLS 1.2 or later"),
    ("UNSUPPORTED_PROTOCOL", "version", "the broker does not speak TLS 1.2 or later"),
    ("WRONG_SSL_VERSION", "version", "the broker does not speak TLS 1.2 or later"),
    ("UNKNOWN_PSK_IDENTITY", "other", "the broker wants a pre-shared key that we do not have"),
    ("INTERNAL_ERROR", "other", "the broker failed within TLS"),
    ("WRONG_VERSION_NUMBER", "port", "what answers there does not speak TLS"),
    ("UNKNOWN_PROTOCOL", "port", "what answers there does not speak TLS"),
    ("HTTP_REQUEST", "port", "what answers there does not speak TLS"),
)
# What a person need not cure: it may be another state of the broker tomorrow.
PASSING = {"not_yet_valid", "other"}


def tls_problem(error: ssl.SSLError, where: str, *, certified: bool = True) -> TlsProblem:
    """Return what OpenSSL's error means, during the handshake or, in TLS 1.3, at the first reading after it.

    Args:
        certified: we have a client certificate.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        state, text = CERTIFICATE.get(error.verify_code, ("other", error.verify_message))
        # Time cures "not yet valid": a Pi has no clock battery.
        return TlsProblem(f"{where}: {text}", state, permanent=state != "not_yet_valid")
    reason = (error.reason or str(error)).upper().replace(" ", "_")
    state, text = next(
        ((state, text) for part, state, text in REASONS if part in reason),
        ("other", "the broker ended TLS" if "ALERT" in reason else "TLS failed"),
    )
    if state == "refused" and not certified:
        state, text = "wanted", "the broker asks for a client certificate"
    return TlsProblem(f"{where}: {text} ({error.reason or error})", state, permanent=state not in PASSING)


def context(tls: Tls) -> ssl.SSLContext:
    """Return a new TLS context: chain and host name are checked, TLS 1.2 at least, files read again.

    May block. OpenSSL never asks for a passphrase on the terminal.

    Raises:
        TlsProblem: a file cannot be used; its `state` is "files".
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.alpn:
        made.set_alpn_protocols(list(tls.alpn))
    if tls.ca_file is None:
        made.load_default_certs()
    else:
        _usable(tls.ca_file)
        try:
            made.load_verify_locations(tls.ca_file)
        except OSError as error:
            raise _useless(tls.ca_file, "holds no certificate in PEM", error) from error
    if tls.cert_file is not None and tls.key_file is not None:
        _load_own(made, tls.cert_file, tls.key_file, tls)
    return made


def _load_own(made: ssl.SSLContext, cert_file: Path, key_file: Path, tls: Tls) -> None:
    _usable(cert_file)
    _usable(key_file)
    try:
        word = None if tls.key_password is None else tls.key_password()
    except OSError as error:
        raise TlsProblem(str(error), "files", permanent=not isinstance(error.__cause__, OSError)) from error
    asked = False

    def passphrase() -> str:
        nonlocal asked
        asked = True
        if word is None:
            raise _useless(key_file, "needs its passphrase: set mqtt.tls.key_password_file")
        return word

    try:
        made.load_cert_chain(cert_file, key_file, passphrase)
    except TlsProblem:
        raise
    except OSError as error:
        if isinstance(error, ssl.SSLError) and "KEY_VALUES_MISMATCH" in (error.reason or ""):
            raise _useless(key_file, f"is not the key of {cert_file}") from error
        if asked and isinstance(error, ssl.SSLError):
            raise _useless(key_file, "cannot be opened with the passphrase in mqtt.tls.key_password_file") from error
        raise _useless(f"{cert_file} with {key_file}", "hold no certificate and key in PEM", error) from error
    except ValueError as error:
        raise _useless(key_file, f"cannot be used: {error}") from error


def _usable(path: Path) -> None:
    """Make sure that OpenSSL can read a file to its end: a pipe would block it, a device never ends.

    Raises:
        TlsProblem: it cannot.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise _useless(path, "cannot be read", error) from error
    if not path.is_file():
        raise _useless(path, "is no file")
    if state.st_size > LARGEST_FILE:
        raise _useless(path, f"is larger than {LARGEST_FILE} bytes")


def _useless(path: Path | str, what: str, error: OSError | None = None) -> TlsProblem:
    why = f": {error.strerror or error}" if error is not None and not isinstance(error, ssl.SSLError) else ""
    # A file that is not there yet may come by itself.
    return TlsProblem(f"{path} {what}{why}", "files", permanent=not isinstance(error, FileNotFoundError))
