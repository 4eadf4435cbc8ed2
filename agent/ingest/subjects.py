"""Topics of MQTT as subjects of NATS, and back.

Source: NATS documentation, "MQTT: Mapping of subjects"; nats-server's server/mqtt.go, natsSubjectStrToMQTTTopic.
"""

from __future__ import annotations

import re

PREFIX = "$MQTT.msgs."
_PIECE = re.compile(r"//|/\.|\.|[^/.]+|/")
_MEANS = {"//": ".", "/.": "/", ".": "/"}


def topic(subject: str) -> str:
    """Return the topic on which a message of `$MQTT_msgs` was published.

    >>> topic("$MQTT.msgs.limpet.greenhouse-1.batch"), topic("$MQTT.msgs.limpet.pi//local.batch")
    ('limpet/greenhouse-1/batch', 'limpet/pi.local/batch')
    """
    return "".join(_MEANS.get(piece, piece) for piece in _PIECE.findall(subject.removeprefix(PREFIX)))


def subject(root: str) -> str:
    """Return the subjects of everything below a topic.

    >>> subject("site/hall-3/limpet")
    '$MQTT.msgs.site.hall-3.limpet.>'
    """
    levels = [level.replace(".", "//") for level in root.split("/")]
    return f"{PREFIX}{'.'.join(levels)}.>"
