"""The status page, /metrics and /healthz: the extra `web`, imported only where the configuration asks for it."""

from __future__ import annotations

from importlib.util import find_spec

from ..config import Config, ConfigError, Mistake


def require(config: Config) -> None:
    """Make sure that what [web] needs is installed, if the configuration has a page.

    Raises:
        ConfigError: it is not.
    """
    if config.web.listen is not None and find_spec("h11") is None:
        what = "the status page needs the extra `web`, which is not installed"
        fix = "pip install 'limpet[web]' into the same environment, or remove the table [web]"
        raise ConfigError([Mistake(str(config.file or "configuration"), 0, "web.listen", what, fix)])
