"""A paho client as we want it, and paho's answers in our words."""

from __future__ import annotations

from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from . import Address, Facts

CONNECT_ADDRESS = 4.0  # seconds for each address of a name
WILL_DELAY, SESSION_EXPIRY = 5, 60  # seconds; MQTT 5: a blip shows no `offline`
LARGEST_MESSAGE = 64 * 1024  # bytes that we take


def make_client(address: Address) -> paho.Client:
    """Return a client for one connection: it never reconnects, never queues, never changes the protocol."""
    five = address.version == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=address.client_id,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        clean_session=None if five else True,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(0)  # the window is ours
    client.connect_timeout = CONNECT_ADDRESS
    client.username_pw_set(address.username, address.password)
    if address.will is not None:
        properties = _properties(PacketTypes.WILLMESSAGE) if five else None
        if properties is not None:
            properties.WillDelayInterval = WILL_DELAY
        client.will_set(*address.will, qos=1, retain=True, properties=properties)
    return client


def dial(client: paho.Client, address: Address) -> None:
    """Find the host, open TCP and TLS, and queue the CONNECT packet. Blocks; raises whatever went wrong."""
    if address.version != "5":
        client.connect(address.host, address.port, address.keepalive)
        return
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_EXPIRY
    properties.MaximumPacketSize = LARGEST_MESSAGE
    client.connect(address.host, address.port, address.keepalive, clean_start=True, properties=properties)


def code_of(reason: Any) -> int:
    """Return the number of a reason code."""
    return int(getattr(reason, "value", reason))


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


def _properties(packet: int) -> Any:
    return Properties(packet)  # type: ignore[no-untyped-call]
