"""Checks of the way to the broker: name, TCP, TLS, who we are there, what we may publish; Home Assistant."""

from __future__ import annotations

import asyncio
import queue
import socket
from collections.abc import Iterator
from dataclasses import replace

from agent.broker import FAILURE, Address, BrokerError, BrokerRefused, Link, TlsProblem
from agent.config import ConfigError
from agent.config.secret import CREDENTIAL, VARIABLE
from agent.messages.homeassistant import topic as discovery_topic
from agent.messages.topics import Topics
from agent.service.connect import address

from .checks import BROKEN, OK, SKIPPED, WARNING, Finding, Site

CREDENTIAL_FILE = f"/etc/credstore/limpet.{CREDENTIAL}"
LOCAL = ("localhost", "127.0.0.1", "::1")
ACL = "let the user be named as the device, and put `pattern write {root}/%u/#` into the broker's acl_file"
PROBE = b'{"transaction":"doctor","status":"ok","data":null,"error":null}'
RETAINED = 4.0  # seconds that the broker has to hand a retained message out
TLS_CURES = {
    "expired": "renew it on the broker: sh deploy/broker/certificates.sh server NAME",
    "not_yet_valid": "sudo timedatectl set-ntp true",
    "wrong_host": "set mqtt.host to the name in the certificate: openssl s_client -connect {where} </dev/null",
    "unknown_ca": "set mqtt.tls.ca_file to the authority's certificate",
    "files": "make mqtt.tls.ca_file, cert_file and key_file readable for the service",
    "refused": "set mqtt.tls.cert_file and key_file to a certificate that the broker knows",
    "other": "openssl s_client -connect {where} </dev/null",
}


def name(site: Site) -> Iterator[Finding]:
    """Whether the broker's name can be resolved."""
    if site.settings is None:
        return
    host = site.settings.mqtt.host
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        text = f"{host} cannot be resolved: {getattr(error, 'strerror', None) or error}"
        yield Finding("name", BROKEN, text, f"resolvectl query {host}")
    else:
        yield Finding("name", OK, f"{host} is {', '.join(sorted(map(str, found)))}")


def broker(site: Site) -> Iterator[Finding]:
    """Connect as the agent would, under another client id, and try whether we may publish."""
    if site.settings is None:
        return
    there, topics = _address(site)
    if there is None:
        yield Finding("broker", SKIPPED, "the password is closed to this user", "sudo limpet doctor")
        return
    yield from asyncio.run(_visit(replace(there, client_id=f"{there.client_id}-doctor"), topics))


async def _visit(there: Address, topics: Topics) -> list[Finding]:
    from agent.broker.link import PahoLink

    where = f"{there.host}:{there.port}"
    link = PahoLink(there)
    try:
        facts = await link.connect()
    except BrokerError as error:
        return [Finding("broker", BROKEN, str(error), cure(error, there))]
    try:
        found = [Finding("broker", OK, f"{where} lets us in" + (", over TLS" if there.tls else ""))]
        if there.tls is None and there.password is not None and there.host not in LOCAL:
            text = "the password travels in the clear"
            found.append(Finding("broker", WARNING, text, "add [mqtt.tls]; see deploy/broker/README.md"))
        found.append(await _may_publish(link, topics, facts.version))
        return found
    except (BrokerError, TimeoutError) as error:
        return [Finding("broker", BROKEN, f"{where} does not acknowledge: {error}", cure(error, there))]
    finally:
        await link.close()


async def _may_publish(link: Link, topics: Topics, version: str) -> Finding:
    """Publish where only those listen who asked: not retained, and no value."""
    if version != "5":
        return Finding(
            "acl", SKIPPED, "a broker does not tell of refused messages before MQTT 5; mqtt.version = 5 would"
        )
    async with asyncio.timeout(5.0):
        code = await link.publish(topics.response("doctor"), PROBE)
    if code >= FAILURE:
        text = f"the broker refuses what we publish below {topics.root}/{topics.device_id}/ (reason 0x{code:02x})"
        return Finding("acl", BROKEN, text, ACL.format(root=topics.root))
    return Finding("acl", OK, f"we may publish below {topics.root}/{topics.device_id}/")


def cure(error: BaseException, there: Address) -> str:
    """Return the command for a connection that failed."""
    where = f"{there.host}:{there.port}"
    if isinstance(error, TlsProblem):
        return TLS_CURES.get(error.state, TLS_CURES["other"]).format(where=where)
    if isinstance(error, BrokerRefused):
        return f"on the broker: sudo mosquitto_passwd /etc/mosquitto/limpet/passwd {there.username or 'USER'}"
    return "sudo systemctl restart mosquitto" if there.host in LOCAL else f"nc -vz {there.host} {there.port}"


def homeassistant(site: Site) -> Iterator[Finding]:
    """Whether the device's announcement lies on the broker, where Home Assistant finds it."""
    if site.settings is None:
        return
    settings = site.settings
    if not settings.homeassistant.discovery:
        yield Finding("home assistant", SKIPPED, "homeassistant.discovery is off: the device does not announce itself")
        return
    there, topics = _address(site)
    if there is None:
        return  # told by `broker`
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


def _address(site: Site) -> tuple[Address | None, Topics]:
    """Return where the broker is for the service, or None if its password is closed to this user."""
    assert site.settings is not None
    topics = Topics(site.settings.mqtt.topic_root, site.settings.agent.device_id)
    secret, environ = site.path(CREDENTIAL_FILE), dict(site.environ)
    try:
        if VARIABLE not in environ and secret.is_file():
            environ[VARIABLE] = secret.read_text(encoding="utf-8").rstrip("\r\n")
        return replace(address(site.settings, topics, environ), will=None), topics
    except (PermissionError, ConfigError):
        return None, topics
