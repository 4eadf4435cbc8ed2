"""A paho client as we want it: one connection, nothing queued, every reason code taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from . import Address, Facts, Message
from .lean import paho
from .packets import (
    AUTH,
    CONNACK,
    DISCONNECT,
    PINGRESP,
    PUBACK,
    SUBACK,
    UNSUBACK,
    connack_code,
    disconnect_code,
    puback_code,
    subscription_codes,
)

# With MQTT 5 a break shorter than the will's delay shows no `offline`.
WILL_DELAY, SESSION_EXPIRY = 5, 60  # seconds
LONGEST_WORDS = 200  # characters


class NotMqtt(Exception):
    """The first bytes that came are another protocol's. `args[0]`: these bytes."""


class Client(paho.Client):
    """paho's client on a socket that is open already, with the broker's answers taken out before paho reads them.

    paho accepts only the codes that the standard lists for a packet and ends the session at any other. So it is shown
    a bare success, or nothing, and these callbacks get the number that the broker sent. They run in `loop_read`.

    Attributes:
        opened: the socket, or what has its methods.
        on_refusal: a CONNACK refused us. on_farewell: a DISCONNECT came. Both with the broker's own words, if any.
        on_answer: a SUBACK or UNSUBACK came, with its packet identifier and a code for each filter.
        on_pong: a PINGRESP came, with the number of the PINGREQ that it answers.
        code: the reason code of the PUBACK that `on_publish` is about.
        error: what the socket raised last; None: nothing.
    """

    opened: Any
    on_refusal: Callable[[int, str], object]
    on_farewell: Callable[[int, str], object]
    on_answer: Callable[[int, list[int]], object]
    on_pong: Callable[[int], object]
    error: OSError | None = None
    code = _pings = _pongs = 0
    _heard = False

    def ping(self) -> int:
        """Send a PINGREQ now and return its number; paho ends the connection if it is not answered in the keepalive."""
        self._send_pingreq()
        return self._pings

    def _create_socket(self) -> Any:
        return self.opened

    def _sock_recv(self, bufsize: int) -> bytes:
        try:
            data = super()._sock_recv(bufsize)
        except BlockingIOError:
            raise
        except OSError as error:
            self.error = error
            raise
        if not self._heard and data:
            self._heard = True
            if data[0] >> 4 not in (CONNACK, DISCONNECT, AUTH):
                raise NotMqtt(data + self._rest())
        return data

    def _rest(self) -> bytes:
        try:
            return super()._sock_recv(15)
        except OSError:
            return b""

    def _sock_send(self, buf: bytes | bytearray) -> int:
        try:
            return super()._sock_send(buf)
        except BlockingIOError:
            raise
        except OSError as error:
            self.error = error
            raise

    def _send_pingreq(self) -> MQTTErrorCode:
        self._pings += 1
        return super()._send_pingreq()

    def _packet_handle(self) -> MQTTErrorCode:
        packet: Any = self._in_packet
        kind = packet["command"] >> 4
        try:
            taken = self._take(kind, packet)
        except IndexError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        result = super()._packet_handle() if taken is None else taken
        if kind == PINGRESP:
            self._pongs += 1
            self.on_pong(self._pongs)
        return result

    def _take(self, kind: int, packet: Any) -> MQTTErrorCode | None:
        """Return paho's word for what a packet did to the session, or None if paho is to read the packet."""
        body, five = packet["packet"], self._protocol == paho.MQTTv5
        if kind == PUBACK:
            self.code = puback_code(body) if five else 0
            del body[2:]
            packet["remaining_length"] = len(body)
        elif kind in (SUBACK, UNSUBACK):
            self.on_answer(*subscription_codes(kind, body, five=five))
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        elif kind == CONNACK and (code := connack_code(body)):
            self.on_refusal(code, words_of(CONNACK, body[2:]) if five else "")
            return MQTTErrorCode.MQTT_ERR_CONN_REFUSED
        elif kind == DISCONNECT and five:
            self.on_farewell(disconnect_code(body), words_of(DISCONNECT, body[1:]))
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        return None


def make_client(address: Address, password: str | None, opened: Any) -> Client:
    """Return a client for one connection on an open socket: it never reconnects, queues, or changes the protocol."""
    five = address.version == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=address.client_id,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        clean_session=None if five else address.session_expiry is None,
        reconnect_on_failure=False,
        manual_ack=address.session_expiry is not None,
    )
    client.opened = opened
    # The window is the publisher's.
    client.max_inflight_messages_set(0)
    client.username_pw_set(address.username, password)
    if address.will is not None:
        properties = _properties(PacketTypes.WILLMESSAGE) if five else None
        if properties is not None:
            properties.WillDelayInterval = WILL_DELAY
        will = address.will
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties)
    return client


def send_connect(client: Client, address: Address) -> None:
    """Queue the CONNECT packet, on a socket that is open: nothing blocks."""
    if address.version != "5":
        client.connect(address.host, address.port, address.keepalive)
        return
    properties = _properties(PacketTypes.CONNECT)
    kept = address.session_expiry
    properties.SessionExpiryInterval = SESSION_EXPIRY if kept is None else kept
    if address.largest_packet is not None:
        properties.MaximumPacketSize = address.largest_packet
    if address.receive_maximum is not None:
        properties.ReceiveMaximum = address.receive_maximum
    client.connect(address.host, address.port, address.keepalive, clean_start=kept is None, properties=properties)


def facts_of(properties: Any, version: str) -> Facts:
    """Return what the properties of a CONNACK say."""
    return Facts(
        receive_maximum=getattr(properties, "ReceiveMaximum", 65535),
        maximum_packet_size=getattr(properties, "MaximumPacketSize", None),
        maximum_qos=min(1, getattr(properties, "MaximumQoS", 1)),
        retain_available=bool(getattr(properties, "RetainAvailable", 1)),
        server_keepalive=getattr(properties, "ServerKeepAlive", None),
        version=version,
    )


def message_of(message: Any) -> Message | None:
    """Return a message of paho's in our terms; None if its topic is no UTF-8."""
    try:
        topic = message.topic
    except ValueError:
        return None
    properties = message.properties
    return Message(
        topic,
        bytes(message.payload),
        getattr(properties, "ResponseTopic", None),
        getattr(properties, "CorrelationData", None),
        bool(message.retain),
        getattr(properties, "ContentType", None),
        message.mid if message.qos else 0,
    )


def publish_properties(content_type: str | None, correlation: bytes | None) -> Any:
    """Return the properties of a PUBLISH, or None if it has none."""
    if not content_type and not correlation:
        return None
    properties = _properties(PacketTypes.PUBLISH)
    if content_type:
        properties.ContentType = content_type
    if correlation:
        properties.CorrelationData = correlation
    return properties


def words_of(kind: int, encoded: bytes | bytearray) -> str:
    """Return what a broker says about the end of a session: its reason, and the server that it refers to."""
    properties = _properties(kind)
    try:
        properties.unpack(bytes(encoded))
    # paho's error for damaged properties has another place in each version. They change nothing: the code is known.
    except Exception:  # noqa: BLE001
        return ""
    reason, server = getattr(properties, "ReasonString", ""), getattr(properties, "ServerReference", "")
    words = [reason, f"use {server}" if server else ""]
    return "".join(one for one in "; ".join(filter(None, words)) if one.isprintable())[:LONGEST_WORDS]


def _properties(packet: int) -> Any:
    return Properties(packet)  # type: ignore[no-untyped-call]
