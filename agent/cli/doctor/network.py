"""Checks of the way to the broker: its names, a visit as the agent makes one, and what Home Assistant finds there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

from agent.broker import Address, Will
from agent.config import Config, ConfigError
from agent.config.secret import CREDENTIAL, VARIABLE, SecretMissing, password
from agent.messages.homeassistant import topic as discovery_topic
from agent.messages.topics import Topics
from agent.service.connect import address, last_will

from .checks import BROKEN, OK, SKIPPED, WARNING, Finding, Site
from .service import HEALTH, OLD

CREDENTIAL_FILE = f"/etc/credstore/limpet.{CREDENTIAL}"
RETAINED = 4.0  # seconds that the broker has to hand a retained message out


def name(site: Site) -> Iterator[Finding]:
    """Whether the broker's names can be resolved; of several one is enough."""
    if site.settings is None:
        return
    hosts = site.settings.mqtt.hosts
    for host in hosts:
        try:
            found = {info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError) as error:
            text = f"{host} cannot be resolved: {getattr(error, 'strerror', None) or error}"
            yield Finding("name", BROKEN if len(hosts) == 1 else WARNING, text, f"resolvectl query {host}")
        else:
            yield Finding("name", OK, f"{host} is {', '.join(sorted(map(str, found)))}")


def broker(site: Site) -> Iterator[Finding]:
    """Connect as the agent does, and try what it will do; under another client id while an agent is connected."""
    if site.settings is None:
        return
    from .visit import Visit, is_online

    try:
        there, topics = _address(site)
    except SecretMissing as error:
        yield _without_password(error)
        return
    connected = _agent_is_connected(site) or asyncio.run(is_online(there, topics))
    if connected:
        # Its client id would end its session, and its will and documents are not to be replaced.
        aside = topics.response("doctor")
        there = replace(there, client_id=f"{there.client_id}-doctor", will=Will(aside, b""))
        retained = aside, b""
    else:
        there = replace(there, will=last_will(topics))
        retained = topics.status, b"offline"
    visit = Visit(there, topics, retained, _filters(site.settings, topics), _former(site, topics))
    for one in asyncio.run(visit.findings()):
        alone = connected and one.check == "broker" and one.level == BROKEN
        yield replace(one, level=WARNING, text=f"{one.text}; but the agent is connected") if alone else one


def _without_password(error: SecretMissing) -> Finding:
    if isinstance(error.__cause__, PermissionError):
        return Finding("broker", SKIPPED, "the password is closed to this user", "sudo limpet doctor")
    return Finding("broker", BROKEN, str(error), "make that file, with the password as its only line")


def _agent_is_connected(site: Site) -> bool:
    """Return whether the service on this machine has a session with the broker now."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        fresh = time.time() - site.path(HEALTH).stat().st_mtime < OLD
        return fresh and bool(json.loads(site.read(HEALTH) or "")["broker"]["connected"])
    return False


def _filters(settings: Config, topics: Topics) -> list[str]:
    """Return what the agent subscribes to."""
    asked = [topics.request(one) for one in settings.commands.allow]
    return asked + ([f"{settings.homeassistant.prefix}/status"] if settings.homeassistant.discovery else [])


def _former(site: Site, topics: Topics) -> list[str]:
    """Return the topics of other devices whose batches wait in the outbox, as far as it can be read."""
    from agent.outbox.reader import OutboxReader

    assert site.settings is not None
    with contextlib.suppress(OSError), OutboxReader(site.settings.state_dir(site.environ) / "outbox.db") as outbox:
        return [topic for topic in outbox.topics() if topic not in ("", topics.device)]
    return []


def homeassistant(site: Site) -> Iterator[Finding]:
    """Whether the device's announcement lies on the broker, where Home Assistant finds it."""
    if site.settings is None:
        return
    settings = site.settings
    if not settings.homeassistant.discovery:
        yield Finding("home assistant", SKIPPED, "homeassistant.discovery is off: the device does not announce itself")
        return
    # `broker` has reported a password that is missing.
    with contextlib.suppress(SecretMissing):
        there, topics = _address(site)
        topic = discovery_topic(settings.homeassistant.prefix, topics.device_id)
        yield _announced(replace(there, client_id=f"{there.client_id}-doctor-ha"), topic)


def _announced(there: Address, topic: str) -> Finding:
    """Ask the broker for the retained message on a topic; it has a moment for it."""
    from agent.broker.subscriber import ConnectionChange, Received, Subscriber

    heard: queue.SimpleQueue[Received | ConnectionChange] = queue.SimpleQueue()
    subscriber = Subscriber(there, [topic], heard.put)
    subscriber.start()
    try:
        while True:
            told = heard.get(timeout=RETAINED)
            if isinstance(told, Received):
                return Finding("home assistant", OK, f"announced on {topic}")
            if not told.up:
                return Finding("home assistant", SKIPPED, f"cannot see {topic}: {told.why}")
    except queue.Empty:
        text = f"nothing lies on {topic}: the service does not run, or the broker refuses it"
        acl = f"give this user `topic readwrite {topic}` in the broker's acl_file; then: sudo systemctl restart limpet"
        return Finding("home assistant", WARNING, text, acl)
    finally:
        subscriber.stop()


def _address(site: Site) -> tuple[Address, Topics]:
    """Return where the broker is for the service.

    Raises:
        SecretMissing: the password cannot be read.
    """
    assert site.settings is not None
    mqtt, environ = site.settings.mqtt, dict(site.environ)
    topics = Topics(mqtt.topic_root, site.settings.agent.device_id)
    credential = site.path(CREDENTIAL_FILE)
    if not environ.get(VARIABLE) and credential.is_file():
        mqtt = replace(mqtt, password_file=credential)
    with contextlib.suppress(ConfigError):
        password(mqtt, environ)
    return address(mqtt, mqtt.client_id or topics.client_id, environ), topics
