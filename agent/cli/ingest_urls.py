"""The URLs that `limpet ingest` takes, and how they are shown: never with a password."""

from __future__ import annotations

import argparse
import re

_HOST = r"(?:\[[^\]\s]+\]|[^:,/?#@\[\]\s]*)(?::[0-9]{0,5})?"
_WORD = r"(?:[^:@/?#%\s]|%[0-9A-Fa-f]{2})*"
# A password that holds one of the URL's own signs would end up in the name of a host, and in messages.
_POSTGRES = re.compile(rf"postgres(?:ql)?://(?:{_WORD}(?::{_WORD})?@)?{_HOST}(?:,{_HOST})*(?:/{_WORD})?(?:\?[^#@\s]*)?")
_SOURCE = re.compile(r"(mqtt|mqtts|nats|tls)://(?:([^@:/\s]+)@)?([^@/\s]+)/?")
_SERVER = re.compile(r"(\[[^\]\s]+\]|[^:,\[\]\s]+)(?::([0-9]{1,5}))?")


def database(text: str) -> str:
    """Return the URL of a database as it was given.

    Raises:
        ArgumentTypeError: it is none.
    """
    if re.match(r"sqlite:///.", text) or _POSTGRES.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(
        "is not sqlite:///FILE or postgresql://USER@HOST/NAME; a password is best kept in PGPASSWORD or ~/.pgpass, "
        "and written with %40 for @, %3A for :, %2F for /, %25 for % where it must be here"
    )


def source(text: str) -> str:
    """Return the URL of a source as it was given.

    Raises:
        ArgumentTypeError: it is none.
    """
    found = _SOURCE.fullmatch(text)
    servers = found[3].split(",") if found else []
    if not found or not all(_is_server(one) for one in servers) or (found[1].startswith("mqtt") and len(servers) > 1):
        raise argparse.ArgumentTypeError(
            "is not mqtt://HOST, mqtts://HOST or nats://HOST,HOST,HOST, each maybe with USER@; "
            "a password is taken from LIMPET_MQTT_PASSWORD or mqtt.password_file"
        )
    return text


def source_parts(text: str) -> tuple[str, str | None, str]:
    """Return scheme, user and servers of a source."""
    scheme, user, servers = _SOURCE.fullmatch(text).groups()  # type: ignore[union-attr]
    return scheme, user, servers


def server_parts(text: str) -> tuple[str, int | None]:
    """Return host and port of one server."""
    host, port = _SERVER.fullmatch(text).groups()  # type: ignore[union-attr]
    return host.strip("[]"), int(port) if port else None


def shown(url: str) -> str:
    """Return the URL of a database without its password, and without what could hold one.

    >>> shown("postgresql://limpet:secret@db/limpet?sslpassword=secret")
    'postgresql://limpet:***@db/limpet?***'
    """
    return re.sub(r"\?.*", "?***", re.sub(r"(//[^:@/]*):[^@]*(?=@)", r"\1:***", url))


def _is_server(text: str) -> bool:
    found = _SERVER.fullmatch(text)
    return found is not None and (found[2] is None or 0 < int(found[2]) < 65536)
