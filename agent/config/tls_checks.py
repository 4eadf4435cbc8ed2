"""Checks of [mqtt.tls]: whether its files hold certificates and keys, and whether these belong together."""

from __future__ import annotations

import ssl

from .file_checks import check_secret, loadable
from .mistakes import ConfigError, Report, Wrong
from .secret import key_password
from .tables import TlsConfig


def check_tls(tls: TlsConfig, report: Report) -> None:
    """Report files that are missing, are no certificates or keys, or do not belong together."""
    table = ("mqtt", "tls")
    authorities = loadable(tls.ca_file, (*table, "ca_file"), report)
    certificate = loadable(tls.cert_file, (*table, "cert_file"), report)
    private = loadable(tls.key_file, (*table, "key_file"), report, secret=True)
    check_secret(tls.key_password_file, (*table, "key_password_file"), report)
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(tls, one) and not getattr(tls, other) and not report.touches((*table, other)):
            report.mistake((*table, one), f"needs {other} as well", f"add {other} = …: they belong together")
    if authorities:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(tls.ca_file)
        except OSError:
            what = f"{tls.ca_file} holds no certificate in PEM"
            report.mistake((*table, "ca_file"), what, "name the authority's certificate; it begins with -----BEGIN")
    if certificate and private:
        _own_certificate(tls, report)


def _own_certificate(tls: TlsConfig, report: Report) -> None:
    """Load certificate and key as the agent does; a passphrase is never asked for."""
    where, asked = ("mqtt", "tls", "key_file"), False

    def passphrase() -> str:
        nonlocal asked
        asked = True
        secret = key_password(tls)
        if secret is None:
            raise Wrong(f"{tls.key_file} has a passphrase", "add key_password_file = …, a file that holds it")
        return secret.reveal()

    try:
        assert tls.cert_file is not None
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(tls.cert_file, tls.key_file, passphrase)
    except Wrong as wrong:
        report.mistake(where, wrong.what, wrong.fix)
    except ssl.SSLError as error:
        report.mistake(where, *_useless(tls, error.reason or "", locked=asked))
    except (ConfigError, OSError):
        # The file with the passphrase cannot be read, which was reported.
        pass


def _useless(tls: TlsConfig, reason: str, *, locked: bool) -> tuple[str, str]:
    """Return what is wrong with certificate and key, and the cure."""
    if "KEY_VALUES_MISMATCH" in reason:
        return f"{tls.key_file} is not the key of {tls.cert_file}", "name the key that was made with the certificate"
    # With a wrong passphrase OpenSSL fails in many different ways.
    if locked:
        return f"{tls.key_password_file} does not open {tls.key_file}", "put the key's passphrase into that file"
    return (
        f"{tls.cert_file} and {tls.key_file} hold no certificate and key in PEM",
        "name files that begin with -----BEGIN",
    )
