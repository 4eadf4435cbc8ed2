"""From the configuration to a publisher that knows its broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from agent.broker import Address, BrokerError, Link, Tls, Will
from agent.clock import Clock
from agent.config import Config, ConfigError, password
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.publisher import Publisher, Settings
from agent.resilience import BreakerEvent

Making = Callable[[Outbox, Topics, Callable[[BreakerEvent], None]], Publisher]


def publishing(
    config: Config,
    clock: Clock,
    rng: Random,
    environ: Mapping[str, str],
    *,
    make_link: Callable[[Address], Link] | None = None,
) -> Making:
    """Return what makes the publisher of a configuration. The password is read anew for each connection.

    Args:
        make_link: returns a link to an address; by default one over paho.

    Raises:
        ConfigError: the password cannot be read.
    """
    password(config.mqtt, environ)  # now, so that a mistake is told at the start

    def make(outbox: Outbox, topics: Topics, on_event: Callable[[BreakerEvent], None]) -> Publisher:
        full = last_will(topics)

        def link(will: Will | None = full) -> Link:
            from agent.broker.link import PahoLink

            try:
                where = replace(address(config, topics, environ), will=will)
            except ConfigError as error:  # the file of the password is gone since the start
                raise BrokerError(" ".join(str(error).split()), permanent=True) from error
            return (make_link or PahoLink)(where)

        return Publisher(link, outbox, topics, clock, _settings(config), rng=rng, on_event=on_event)

    return make


def last_will(topics: Topics) -> Will:
    """Return the will of an agent whose broker takes any."""
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
    )


def address(config: Config, topics: Topics, environ: Mapping[str, str]) -> Address:
    """Return where the broker is and who we are there."""
    mqtt = config.mqtt
    secret = password(mqtt, environ)
    return Address(
        host=mqtt.host,
        port=mqtt.port,
        client_id=topics.client_id,
        username=mqtt.username,
        password=secret.reveal() if secret is not None else None,
        version=str(mqtt.version),
        keepalive=max(1, round(mqtt.keepalive)),
        tls=Tls(mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file) if mqtt.tls is not None else None,
        will=last_will(topics),
    )
