"""Checks of [mqtt] across its values: an unusual port, a password that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .file_checks import check_secret
from .mistakes import Report
from .secret import VARIABLE
from .tables import Config, MqttConfig

# Ports by what usually listens there.
TLS_PORTS, PLAIN_PORTS = {8883, 8884, 8886, 8887}, {1883}
WEBSOCKET_PORTS = {80, 8000, 8080, 8081, 8083, 8084, 8090, 8091, 9001}
HTTPS = 443


def check_broker(config: Config, raw: Mapping[str, Any], report: Report, environ: Mapping[str, str]) -> None:
    """Report mistakes in [mqtt] and its files, and warnings. `raw` is the table as it is written."""
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
        # Imported here, so that a start without TLS does not pay for OpenSSL.
        from .tls_checks import check_tls

        check_tls(mqtt.tls, report)


def _password(mqtt: MqttConfig, report: Report, environ: Mapping[str, str]) -> None:
    where = ("mqtt", "password_file")
    check_secret(mqtt.password_file, where, report)
    if mqtt.password_file and not mqtt.username:
        fix = "add username = …: a password alone is of no use"
        report.warning(where, "there is a password, but no username", fix)
    if environ.get(VARIABLE) == "":
        report.warning(("mqtt",), f"${VARIABLE} is empty, and counts as none", f"unset {VARIABLE}")


def _port(mqtt: MqttConfig, raw: Mapping[str, Any], report: Report) -> None:
    """Warn of a port on which something else usually listens."""
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
