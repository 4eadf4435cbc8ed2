"""A visit to the broker as the agent makes one: the same name, will, retained document and subscriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agent.broker import FAILURE, Address, BrokerError, Facts, Will
from agent.broker.link import PahoLink
from agent.messages.topics import Topics

from .checks import BROKEN, OK, SKIPPED, WARNING, Finding
from .cures import LOCAL, cure, reason_cure

ACL = "let the user be named as the device, and put `pattern write {root}/%u/#` into the broker's acl_file"
READ_ACL = "put `topic read {topic}` for this user into the broker's acl_file"
OLD_ACL = (
    "on the broker: sudo sh deploy/broker/account.sh device {user} {old}, or `topic write {topic}/#` for this user"
)
PROBE = b'{"transaction":"doctor","status":"ok","data":null,"error":null}'
ANSWER = 5.0  # seconds
RETAINED = 1.0  # seconds
SMALL = 16_384  # bytes; documents and batches of a few sensors fit into it
NO_RETAIN, NO_QOS_1, TOO_LARGE = 0x9A, 0x9B, 0x95


@dataclass(frozen=True, slots=True)
class Visit:
    """What to try.

    Attributes:
        there: the broker, who we are, and the will.
        retained: topic and payload of a document that may be retained there.
        filters: what the agent subscribes to.
        old: below which topics batches of former devices wait.
    """

    there: Address
    topics: Topics
    retained: tuple[str, bytes]
    filters: Sequence[str] = ()
    old: Sequence[str] = ()

    async def findings(self) -> list[Finding]:
        """Connect, try it all, say good-bye; return what was found."""
        found: list[Finding] = []
        link = await self._let_in(found)
        if link is None:
            return found
        try:
            found.extend(Finding("hosts", WARNING, str(one), cure(one, self.there)) for one in link.failures)
            found.extend(self._terms(link.facts, link.where))
            found.append(await self._publishes(link))
            found.extend(await self._refused_documents(link))
            for topic_filter in self.filters:
                found.extend(await self._refused_subscription(link, topic_filter))
            for topic in self.old:
                found.extend(await self._refused_history(link, topic))
        except TimeoutError:
            found.append(
                Finding("broker", BROKEN, f"{link.where} acknowledges nothing", cure(TimeoutError(), self.there))
            )
        except BrokerError as error:
            found.append(Finding("broker", BROKEN, f"the session ended: {error}", cure(error, self.there)))
        finally:
            await link.close()
        return found

    async def _let_in(self, found: list[Finding]) -> PahoLink | None:
        """Return an open link, with another will or none where the broker refuses the agent's."""
        first: BrokerError | None = None
        will: Will | None = self.there.will
        while True:
            link = PahoLink(replace(self.there, will=will), thorough=True)
            try:
                await link.connect()
            except BrokerError as error:
                first = first or error
                if will is None or not (error.hung_up or error.code in (NO_RETAIN, NO_QOS_1)):
                    found.append(Finding("broker", BROKEN, str(first), cure(first, self.there)))
                    return None
                will = _lesser(will, error)
            else:
                if first is not None:
                    text = f"our will is refused, and another one is used: {first}"
                    found.append(Finding("will", WARNING, text, cure(first, self.there)))
                return link

    def _terms(self, facts: Facts, where: str) -> Iterator[Finding]:
        """Yield that we are in, and what the broker cannot do."""
        there = self.there
        yield Finding("broker", OK, f"{where} lets us in" + (", over TLS" if there.tls else ""))
        if there.tls is None and there.username is not None and not set(there.hosts) <= set(LOCAL):
            text = "the password travels in the clear"
            yield Finding("broker", WARNING, text, "add [mqtt.tls]; see deploy/broker/README.md")
        if not facts.retain_available:
            yield Finding("limits", WARNING, "the broker keeps no retained messages", reason_cure(NO_RETAIN, there))
        if facts.maximum_qos == 0:
            yield Finding("limits", WARNING, "the broker acknowledges no message", reason_cure(NO_QOS_1, there))
        if facts.maximum_packet_size is not None and facts.maximum_packet_size < SMALL:
            text = f"the broker takes at most {facts.maximum_packet_size} bytes at once"
            yield Finding("limits", WARNING, text, reason_cure(TOO_LARGE, there))

    async def _publishes(self, link: PahoLink) -> Finding:
        """Publish where only those listen who asked: not retained, and no value."""
        mine = f"{self.topics.device}/"
        code = await self._asked(link.publish(self.topics.response("doctor"), PROBE))
        if link.facts.version != "5":
            text = "a broker does not report refused messages before MQTT 5; mqtt.version = 5 would"
            return Finding("acl", SKIPPED, text)
        if code >= FAILURE:
            text = f"the broker refuses what we publish below {mine} (reason 0x{code:02x})"
            return Finding("acl", BROKEN, text, ACL.format(root=self.topics.root))
        return Finding("acl", OK, f"we may publish below {mine}")

    async def _refused_documents(self, link: PahoLink) -> list[Finding]:
        topic, payload = self.retained
        code = await self._asked(link.publish(topic, payload, retain=True))
        if code < FAILURE:
            return []
        text = f"the broker refuses a retained document on {topic} (reason 0x{code:02x})"
        return [Finding("retained", WARNING, text, ACL.format(root=self.topics.root))]

    async def _refused_subscription(self, link: PahoLink, topic_filter: str) -> list[Finding]:
        code = await self._asked(link.subscribe(topic_filter, lambda _: None))
        if code < FAILURE:
            return []
        text = f"the broker refuses the subscription to {topic_filter} (reason 0x{code:02x})"
        return [Finding("subscription", WARNING, text, READ_ACL.format(topic=topic_filter))]

    async def _refused_history(self, link: PahoLink, topic: str) -> list[Finding]:
        """Find out whether batches of a former device, which wait in the outbox, may go where they belong."""
        code = await self._asked(link.publish(f"{topic}/response/doctor", PROBE))
        if code < FAILURE:
            return []
        text = f"batches below {topic}/ wait: the broker refuses them there (reason 0x{code:02x})"
        user, old = self.there.username or "USER", topic.rpartition("/")[2]
        return [Finding("history", WARNING, text, OLD_ACL.format(user=user, old=old, topic=topic))]

    async def _asked(self, answer: asyncio.Future[int]) -> int:
        async with asyncio.timeout(ANSWER):
            return await answer


async def is_online(there: Address, topics: Topics) -> bool:
    """Return whether the broker has it that an agent of this name is connected, wherever it runs.

    Asked under another client id: the agent's own would end its session. A broker that does not let us ask says no.
    """
    link = PahoLink(replace(there, client_id=f"{there.client_id}-doctor", will=None))
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    try:
        await link.connect()
        await link.subscribe(topics.status, lambda message: _set(heard, message.payload), retained=True)
        async with asyncio.timeout(RETAINED):
            return await heard == b"online"
    except (BrokerError, TimeoutError):
        return False
    finally:
        await link.close()


def _lesser(will: Will, error: BrokerError) -> Will | None:
    """Return the will to try after `error`; None: none."""
    if error.code == NO_RETAIN and will.retain:
        return will._replace(retain=False)
    if error.code == NO_QOS_1 and will.qos:
        return will._replace(qos=0)
    return None


def _set(future: asyncio.Future[bytes], payload: bytes) -> None:
    if not future.done():
        future.set_result(payload)
