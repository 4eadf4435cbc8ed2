"""Prints every reading once, live or late, and says what is missing: python complete.py BROKER [PORT]"""

import json
import sys
import zlib

import paho.mqtt.client as mqtt

# (device, run) -> the numbers that have come or were given up
seen: dict[tuple[str, str], set[int]] = {}


def arrived(_client, _userdata, message):
    _, device, name = message.topic.rsplit("/", 2)
    is_block = message.payload[:1] == b"\x78"
    text = zlib.decompressobj().decompress(message.payload, 1 << 24) if is_block else message.payload
    for document in map(json.loads, text.splitlines()):
        numbers = seen.setdefault((device, document["bootId"]), set())
        if name == "gap":
            numbers.update(range(document["from"], document["to"] + 1))
            print(f"# {device}: {document['from']}..{document['to']} were given up: {document['reason']}", flush=True)
        elif document["seq"] not in numbers:
            numbers.add(document["seq"])
            for one in document["readings"]:
                at, what = one.get("timestamp", document["timestamp"]), f"{one['sensorId']}.{one['quantity']}"
                print(at, device, what, one["value"], one["unit"], one["status"], flush=True)
            if missing := sorted(set(range(min(numbers), max(numbers))) - numbers):
                print(f"# {device}: {len(missing)} not here yet, from {missing[0]} on", flush=True)


# The broker keeps what comes while this program is away: one name, and a session that lasts.
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "complete", clean_session=False)
client.on_message = arrived
client.on_connect = lambda *_: client.subscribe([(f"limpet/+/{name}", 1) for name in ("batch", "backfill", "gap")])
client.connect(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1883)
client.loop_forever()
