"""From the configuration to a publisher and its links to the broker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from random import Random

from agent.broker import Address, Link, Tls, Will
from agent.clock import Clock
from agent.config import Config, ConfigError, MqttConfig, Secret, TlsConfig, password
from agent.config.secret import SecretMissing, key_password
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.publisher import Publisher, Settings
from agent.resilience import BreakerEvent

log = logging.getLogger(__name__)

Making = Callable[[Outbox, Topics, Callable[[BreakerEvent], None]], Publisher]


def publishing(
    config: Config,
    clock: Clock,
    rng: Random,
    environ: Mapping[str, str],
    *,
    make_link: Callable[[Address], Link] | None = None,
) -> Making:
    """Return a factory of publishers for a configuration. Secrets are read again for each connection.

    Args:
        make_link: returns a link to an address; by default one over paho.

    Raises:
        ConfigError: a file does not hold a usable secret. A missing one is logged, since it may be there later.
    """
    _look_at_secrets(config.mqtt, environ)

    def make(outbox: Outbox, topics: Topics, on_event: Callable[[BreakerEvent], None]) -> Publisher:
        link = _links(config.mqtt, topics, environ, make_link)
        return Publisher(link, outbox, topics, clock, _settings(config), rng=rng, on_event=on_event)

    return make


def _links(
    mqtt: MqttConfig, topics: Topics, environ: Mapping[str, str], make_link: Callable[[Address], Link] | None
) -> Callable[[Will | None], Link]:
    """Return a factory of links to the broker. Each link is given its will."""
    from agent.broker.link import PahoLink
    from agent.broker.route import Route

    # Shared by all links, so that the address that worked last is tried first.
    route = Route()
    client_id = mqtt.client_id or topics.client_id

    def link(will: Will | None) -> Link:
        where = address(mqtt, client_id, environ, will)
        return PahoLink(where, route) if make_link is None else make_link(where)

    return link


def _look_at_secrets(mqtt: MqttConfig, environ: Mapping[str, str]) -> None:
    """Read the secrets once, so that a mistake in them is reported at the start.

    Raises:
        ConfigError: a file does not hold a usable secret.
    """
    try:
        password(mqtt, environ)
        if mqtt.tls is not None:
            key_password(mqtt.tls)
    except SecretMissing as error:
        log.error("secret is missing", extra={"error": str(error)})


def last_will(topics: Topics) -> Will:
    """Return the full will; the publisher sends a lesser one to a broker that refuses it."""
    return Will(topics.status, b"offline")


def _settings(config: Config) -> Settings:
    breaker = config.mqtt.breaker
    return Settings(
        failure_threshold=breaker.failure_threshold,
        reset_timeout=breaker.reset_timeout,
        max_reset_timeout=breaker.max_reset_timeout,
        multiplier=breaker.multiplier,
        backfill_rate=config.outbox.backfill_rate,
        require_subscriber=config.outbox.require_subscriber,
        backfill_format=config.outbox.backfill_format,
    )


def address(mqtt: MqttConfig, client_id: str, environ: Mapping[str, str], will: Will | None = None) -> Address:
    """Return the broker's address and our credentials. Files with secrets are read when a link connects."""
    return Address(
        host=mqtt.hosts[0],
        more_hosts=mqtt.hosts[1:],
        port=mqtt.port,
        transport=mqtt.transport,
        path=mqtt.path,
        client_id=client_id,
        username=mqtt.username,
        password=lambda: _revealed(lambda: password(mqtt, environ)),
        version=str(mqtt.version),
        keepalive=max(1, round(mqtt.keepalive)),
        tls=None if mqtt.tls is None else _tls(mqtt.tls),
        will=will,
    )


def _tls(tls: TlsConfig) -> Tls:
    return Tls(
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        key_password=None if tls.key_password_file is None else lambda: _revealed(lambda: key_password(tls)) or "",
        server_name=tls.server_name,
        alpn=tls.alpn,
    )


def _revealed(read: Callable[[], Secret | None]) -> str | None:
    """Return the text of a secret; None if none is configured.

    Raises:
        SecretMissing: it cannot be read, or its file is no longer usable.
    """
    try:
        secret = read()
    except ConfigError as error:
        raise SecretMissing("; ".join(one.what for one in error.mistakes)) from error
    return None if secret is None else secret.reveal()
