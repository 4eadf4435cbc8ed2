"""What no single value of [mqtt] shows: ports of another kind, secrets and certificates that cannot be used."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .mistakes import ConfigError, Report, Where, Wrong
from .secret import VARIABLE, key_password, read_secret
from .tables import Config, MqttConfig, TlsConfig

LARGEST_FILE = 1 << 20  # bytes
AGAIN = "the service runs without it, says so and tries again; make the file, or name the right one"
# Ports that are usually for something else than what is configured.
TLS_PORTS, PLAIN_PORTS = {8883, 8884, 8886, 8887}, {1883}
WEBSOCKET_PORTS = {80, 8000, 8080, 8081, 8083, 8084, 8090, 8091, 9001}
HTTPS = 443


def check_broker(config: Config, raw: Mapping[str, Any], report: Report, environ: Mapping[str, str]) -> None:
    """Report what is wrong with [mqtt] and its files, and what is only unwise. `raw`: the table as it is written."""
    mqtt = config.mqtt
    _password(mqtt, report, environ)
    if config.outbox.require_subscriber and mqtt.version != 5:
        what = "only MQTT 5 says whether there is a subscriber; with 3.1.1 this does nothing"
        report.warning(("outbox", "require_subscriber"), what, "write version = 5 in [mqtt], or remove this line")
    _port(mqtt, raw, report)
    if "path" in raw and mqtt.transport == "tcp":
        fix = 'write transport = "websockets" as well, or remove this line'
        report.warning(("mqtt", "path"), "only a WebSocket has a path", fix)
    if mqtt.tls is not None:
        _tls(mqtt.tls, report)


def _password(mqtt: MqttConfig, report: Report, environ: Mapping[str, str]) -> None:
    where = ("mqtt", "password_file")
    _secret(mqtt.password_file, where, report)
    if mqtt.password_file and not mqtt.username:
        fix = "add username = …: a password alone is of no use"
        report.warning(where, "there is a password, but no username", fix)
    if environ.get(VARIABLE) == "":
        report.warning(("mqtt",), f"${VARIABLE} is empty, and counts as none", f"unset {VARIABLE}")


def _port(mqtt: MqttConfig, raw: Mapping[str, Any], report: Report) -> None:
    """Warn of a port that is usually for something else."""
    port, where = mqtt.port, ("mqtt", "port")
    websockets, alpn = mqtt.transport == "websockets", mqtt.tls is not None and mqtt.tls.alpn
    if mqtt.tls is None and port in TLS_PORTS | {HTTPS}:
        report.warning(where, f"{port} is usually for TLS, and there is no [mqtt.tls]", "add [mqtt.tls]")
    elif mqtt.tls is not None and port in PLAIN_PORTS:
        report.warning(where, f"{port} is usually for MQTT without TLS", "write port = 8883, or remove [mqtt.tls]")
    elif port == HTTPS and not websockets and not alpn:
        fix = 'write transport = "websockets", or alpn = ["mqtt"] in [mqtt.tls], as the broker has it'
        report.warning(where, "443 is usually for HTTPS: a broker there wants WebSockets, or ALPN", fix)
    elif not websockets and port in WEBSOCKET_PORTS:
        fix = 'write transport = "websockets", or the port for MQTT'
        report.warning(where, f"{port} is usually for WebSockets or a web server", fix)
    elif websockets and port in TLS_PORTS | PLAIN_PORTS:
        written = where if "port" in raw else ("mqtt", "transport")
        fix = "write the port of the broker's WebSockets, often 8083 or 9001, or 443 with TLS"
        report.warning(written, f"{port} is usually for MQTT without WebSockets", fix)


def _secret(path: Path | None, where: Where, report: Report) -> None:
    """Report what is wrong with a file that holds a secret, by reading it as the agent does."""
    if path is None:
        return
    try:
        text = read_secret(path).reveal()
        if text != text.strip():
            report.warning(where, f"the secret in {path} begins or ends with a blank", "remove it, if it is not meant")
        if path.stat().st_mode & 0o004:
            report.warning(where, f"{path} can be read by everybody on this machine", f"chmod o= {path}")
    except Wrong as wrong:
        report.mistake(where, wrong.what, wrong.fix)
    except OSError as error:
        _unreadable(path, where, error, report)


def _unreadable(path: Path, where: Where, error: OSError, report: Report) -> None:
    if isinstance(error, PermissionError):
        report.warning(where, f"{path} cannot be read by this user", "check as the user that the agent runs as")
    else:
        report.warning(where, f"{path}: {error.strerror}", AGAIN)


def _tls(tls: TlsConfig, report: Report) -> None:
    """Report which files are missing, are nothing of the kind, or do not belong together."""
    table = ("mqtt", "tls")
    authorities = _loadable(tls.ca_file, (*table, "ca_file"), report)
    certificate = _loadable(tls.cert_file, (*table, "cert_file"), report)
    private = _loadable(tls.key_file, (*table, "key_file"), report, secret=True)
    _secret(tls.key_password_file, (*table, "key_password_file"), report)
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


def _loadable(path: Path | None, where: Where, report: Report, *, secret: bool = False) -> bool:
    """Return whether OpenSSL can read a file to its end; report why not, or that a secret is open to everybody."""
    if path is None:
        return False
    try:
        state = path.stat()
    except OSError as error:
        _unreadable(path, where, error, report)
        return False
    if path.is_dir():
        report.mistake(where, f"{path} is a folder", "name the file in it")
    elif not path.is_file():
        report.mistake(where, f"{path} is a pipe or a device", "name a file")
    elif not state.st_size:
        report.mistake(where, f"{path} is empty", "put what belongs there into the file")
    elif state.st_size > LARGEST_FILE:
        report.mistake(where, f"{path} is larger than {LARGEST_FILE} bytes", "name the right one")
    elif not os.access(path, os.R_OK):
        report.warning(where, f"{path} cannot be read by this user", "check as the user that the agent runs as")
    else:
        if secret and state.st_mode & 0o004:
            report.warning(where, f"{path} can be read by everybody on this machine", f"chmod o= {path}")
        return True
    return False


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
        # The file with the passphrase; it has been reported.
        pass


def _useless(tls: TlsConfig, reason: str, *, locked: bool) -> tuple[str, str]:
    """Return what is wrong with certificate and key, and what to do."""
    if "KEY_VALUES_MISMATCH" in reason:
        return f"{tls.key_file} is not the key of {tls.cert_file}", "name the key that was made with the certificate"
    # OpenSSL has many names for what comes out of a wrong passphrase.
    if locked:
        return f"{tls.key_password_file} does not open {tls.key_file}", "put the key's passphrase into that file"
    return (
        f"{tls.cert_file} and {tls.key_file} hold no certificate and key in PEM",
        "name files that begin with -----BEGIN",
    )
