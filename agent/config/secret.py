"""Secrets: read from where only the agent can read, and never shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .mistakes import ConfigError, Mistake

if TYPE_CHECKING:
    from .tables import MqttConfig

VARIABLE = "LIMPET_MQTT_PASSWORD"
CREDENTIAL = "mqtt_password"


class Secret:
    """A text that neither log, traceback nor JSON gets to see; only `reveal()` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, to be handed to the broker."""
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

    Reads files. A trailing line end is not part of the password.

    Raises:
        ConfigError: the file that should hold it cannot be read.
    """
    if VARIABLE in environ:
        return Secret(environ[VARIABLE])
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / CREDENTIAL).is_file():
        return _read(Path(folder) / CREDENTIAL)
    return _read(mqtt.password_file) if mqtt.password_file else None


def _read(path: Path) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        fix = "make the file readable for the user that the agent runs as, and for no other"
        mistake = Mistake(str(path), 0, "password_file", f"the password cannot be read: {what}", fix)
        raise ConfigError([mistake]) from None
