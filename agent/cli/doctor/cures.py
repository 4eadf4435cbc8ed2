"""What to do when the broker cannot be reached, or refuses something: a cure for each reason."""

from __future__ import annotations

from agent.broker import Address, BrokerError, BrokerRefused, TlsProblem, WrongPort

LOCAL = ("localhost", "127.0.0.1", "::1")
NO_NAME = "no username is set: write username = … and password_file = … in [mqtt]"
SETS_PASSWORD = "on the broker: sudo mosquitto_passwd /etc/mosquitto/limpet/passwd {user}"
# By the CONNACK's or DISCONNECT's reason code, MQTT 5.0 §2.4. Mosquitto's options stand for those of other brokers.
REASONS = {
    0x81: "update the broker, or report it: mosquitto -h | head -n 1",
    0x82: "update the broker, or report it: mosquitto -h | head -n 1",
    0x84: "write version = {other} in [mqtt]",
    0x85: 'write client_id = "…" in [mqtt] as the broker wants it; now it is {client_id}',
    0x86: SETS_PASSWORD,
    # Mosquitto says so of a wrong password, too.
    0x87: SETS_PASSWORD + "; or allow {user} with the client id {client_id} in its access list",
    0x88: "wait, or look at the broker: sudo journalctl -u mosquitto -n 30",
    0x89: "wait, or look at the broker: sudo journalctl -u mosquitto -n 30",
    0x8A: "take {client_id} off the broker's list of banned clients",
    0x8B: "wait for the broker to start again: sudo systemctl status mosquitto",
    0x8C: "switch the broker's extended authentication off for {user}: user name and password are what Limpet has",
    0x8D: 'write a longer keepalive = "60s" in [mqtt]',
    0x8E: "find the other client with the client id {client_id}, or write another client_id in [mqtt]",
    0x95: "raise max_packet_size on the broker",
    0x97: "raise the broker's quota for {user}, or delete what uses it up",
    0x9A: "set retain_available true on the broker; without it new subscribers wait for the next state",
    0x9B: "set max_qos 1 on the broker; without it messages are proved by pings",
    0x9C: "write the server that the broker refers to as host = … in [mqtt]",
    0x9D: "write the server that the broker refers to as host = … in [mqtt]",
    0x9F: "wait a minute; find out which other clients connect so often",
}
TLS = {
    "expired": "renew it on the broker: sh deploy/broker/certificates.sh server NAME",
    "not_yet_valid": "sudo timedatectl set-ntp true",
    "wrong_host": "write server_name = … in [mqtt.tls], or host = … as the certificate has it: "
    "openssl s_client -connect {where} </dev/null",
    "unknown_ca": "set mqtt.tls.ca_file to the authority's certificate",
    "files": "make mqtt.tls.ca_file, cert_file and key_file readable for the service, and key_password_file right",
    "wanted": "set mqtt.tls.cert_file and key_file to a certificate that the broker knows",
    "refused": "set mqtt.tls.cert_file and key_file to a certificate that the broker knows, or have it renewed",
    "version": "let the broker speak TLS 1.2 or later: in mosquitto.conf tls_version tlsv1.2",
    "cipher": "openssl s_client -connect {where} </dev/null; let the broker offer the usual ciphers",
    "name": "write server_name = … in [mqtt.tls]: the name that the broker has for you",
    "port": "write the broker's TLS port as port = … in [mqtt], often 8883, or remove [mqtt.tls]",
    "other": "openssl s_client -connect {where} </dev/null",
}


def cure(error: BaseException, there: Address) -> str:
    """Return what to do about a connection that failed."""
    where = f"{there.host}:{there.port}"
    if isinstance(error, TlsProblem):
        return TLS.get(error.state, TLS["other"]).format(where=where)
    code = error.code if isinstance(error, BrokerError) else None
    if code is not None and (code in REASONS or isinstance(error, BrokerRefused)):
        return reason_cure(code, there)
    if isinstance(error, BrokerError) and error.hung_up:
        return NO_NAME if there.username is None else f"look for {there.client_id} in the broker's log: {LOG}"
    if isinstance(error, WrongPort):
        return PORTS
    if type(error) is BrokerError and isinstance(error.__cause__, OSError):
        return "put the secret into that file, as its only line, readable for the service"
    return "sudo systemctl restart mosquitto" if there.host in LOCAL else f"nc -vz {there.host} {there.port}"


PORTS = (
    "write the port and the way as the broker has them: usually port = 1883, or 8883 with [mqtt.tls], "
    'or 8083 or 9001 with transport = "websockets"'
)
LOG = "sudo journalctl -u mosquitto -n 30"


def typed_cure(error: BaseException, there: Address, command: str) -> str:
    """Return what to do about it for a person who has just typed a command that takes --username and --port."""
    found = cure(error, there)
    if found == NO_NAME:
        return f"say who we are there: {command} --username USER"
    return "say its port: --port 1883, or 8883 for TLS" if found == PORTS else found


def reason_cure(code: int, there: Address) -> str:
    """Return what to do about a refusal with this reason code."""
    if code in (0x86, 0x87) and there.username is None:
        return NO_NAME
    other = '"3.1.1"' if there.version == "5" else "5"
    text = REASONS.get(code, f"look for the reason in the broker's log: {LOG}")
    return text.format(user=there.username or "USER", client_id=there.client_id, other=other)
