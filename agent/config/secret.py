"""Secrets: read from files or the environment, and never shown."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .mistakes import ConfigError, Mistake, Wrong

if TYPE_CHECKING:
    from .tables import MqttConfig, TlsConfig

VARIABLE = "LIMPET_MQTT_PASSWORD"
CREDENTIAL = "mqtt_password"
LARGEST = 64 * 1024  # bytes, MQTT's limit of a password


class SecretMissing(OSError):
    """The file that holds a secret cannot be read; it may be there later."""


class Secret:
    """A text that does not appear in logs, tracebacks or JSON. Only `reveal()` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not copied to anywhere")


def password(mqtt: MqttConfig, environ: Mapping[str, str]) -> Secret | None:
    """Return the broker's password: $LIMPET_MQTT_PASSWORD, else systemd's credential, else `password_file`; else None.

    An empty variable counts as none. A file that is a pipe or a device is not opened, since reading it could block.

    Raises:
        ConfigError: what the file holds cannot be a password.
        SecretMissing: the file cannot be read.
    """
    if environ.get(VARIABLE):
        return Secret(environ[VARIABLE])
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / CREDENTIAL).is_file():
        return _secret(Path(folder) / CREDENTIAL, "password_file")
    return _secret(mqtt.password_file, "password_file") if mqtt.password_file else None


def key_password(tls: TlsConfig) -> Secret | None:
    """Return the passphrase of the client certificate's key; None if no file is named for it.

    Raises:
        ConfigError: what the file holds cannot be a passphrase.
        SecretMissing: the file cannot be read.
    """
    return _secret(tls.key_password_file, "tls.key_password_file") if tls.key_password_file else None


def read_secret(path: Path) -> Secret:
    """Return the only line of a file, without its line end and byte order mark.

    Raises:
        Wrong: there is no such line in it.
        OSError: the file cannot be read.
    """
    content = _bytes(path)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise Wrong(f"{path} is UTF-16, not UTF-8", f"iconv -f UTF-16 -t UTF-8 {path}")
    try:
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        what = f"{path} is no UTF-8 text: byte {error.start + 1} is 0x{content[error.start]:02x}; is it Latin-1?"
        raise Wrong(what, f"iconv -f LATIN1 -t UTF-8 {path}") from None
    if not text:
        raise Wrong(f"{path} is empty", "put the secret into the file, as one line")
    if "\n" in text or "\r" in text:
        count = len(text.splitlines())
        raise Wrong(f"{path} has {count} lines, and a secret has one", "leave nothing but the secret in the file")
    return Secret(text)


def _bytes(path: Path) -> bytes:
    """Return the content of a regular file. Opening a pipe would wait for its writer; a device may have no end.

    Raises:
        Wrong: it is not a regular file, or too large.
        OSError: it cannot be read.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISDIR(mode):
            raise Wrong(f"{path} is a folder", "name the file in it")
        if not stat.S_ISREG(mode):
            raise Wrong(f"{path} is a pipe or a device", "name a file that holds the secret")
        content = os.read(file, LARGEST + 1)
    finally:
        os.close(file)
    if len(content) > LARGEST:
        raise Wrong(f"{path} is larger than {LARGEST} bytes", "name the file that holds the secret and nothing else")
    return content


def _secret(path: Path, key: str) -> Secret:
    try:
        return read_secret(path)
    except Wrong as wrong:
        raise ConfigError([Mistake(str(path), 0, key, wrong.what, wrong.fix)]) from None
    except OSError as error:
        raise SecretMissing(f"{key} {path} cannot be read: {error.strerror or error}") from error
