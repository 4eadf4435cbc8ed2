"""The tables of the configuration as values: SI units, defaults beside the fields, one dataclass per TOML table."""

# ruff: noqa: RUF009  (`key` makes a dataclasses.field)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .devices import EVERY, BreakerConfig, BusConfig, RetryConfig, SensorConfig
from .kinds import Duration, Flag, Number, OneOf, Place, Size, Text, Whole
from .machine import WithPlaceholders, host_name
from .mistakes import Mistake
from .names import Hosts, Topic
from .shapes import Listen, Several, Table, Tables, key

LEVEL = WithPlaceholders(Topic(1, longest=128))
REQUESTS = ("read", "reset", "info", "resend", "reload")
SYSTEM_FILE = Path("/etc/limpet/limpet.toml")
SYSTEM_STATE = Path("/var/lib/limpet")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """The agent itself.

    Attributes:
        device_id: names this device in topics and batches; the host name by default. May hold {serial}, {hostname}.
        every: seconds between two readings of a sensor that says nothing else.
        state_dir: where the outbox lies; see `Config.state_dir` for the default.
        log_level: what is logged: this and worse.
        log_format: text lines of key=value, or one JSON document a line.
    """

    device_id: str = key(LEVEL, factory=host_name)
    every: float = key(EVERY, 10.0)
    state_dir: Path | None = key(Place(), None)
    log_level: str = key(OneOf(("debug", "info", "warning", "error")), "info")
    log_format: str = key(OneOf(("text", "json")), "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """TLS to the broker; the table's presence switches it on.

    Attributes:
        ca_file: the only roots that are trusted; the system's if absent.
        cert_file: client certificate, PEM.
        key_file: its key, PEM.
        key_password_file: holds the key's passphrase, if it has one.
        server_name: the name to verify and to send (SNI), where it is not the host's.
        alpn: protocols to offer, for brokers that share a port with others.
    """

    ca_file: Path | None = key(Place(), None)
    cert_file: Path | None = key(Place(), None)
    key_file: Path | None = key(Place(), None)
    key_password_file: Path | None = key(Place(), None)
    server_name: str | None = key(Text(r"[^\s/:\[\]\x00-\x1f\x7f]+", "a host name"), None)
    alpn: tuple[str, ...] = key(Several(Text(longest=255)), ())


BROKER_BREAKER = BreakerConfig(reset_timeout=5.0, max_reset_timeout=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """The broker.

    Attributes:
        hosts: name or address; or several, tried in turn.
        port: 1883, with TLS 8883.
        transport: "tcp" or "websockets".
        path: of the WebSocket.
        client_id: topic_root and device_id with - between them by default. May hold {serial}, {hostname}.
        username: none by default. May hold {serial}, {hostname}.
        password_file: holds the password; $LIMPET_MQTT_PASSWORD or systemd's credential mqtt_password serve as well.
        version: of MQTT; never changed silently.
        topic_root: the first level of all topics, or up to eight of them.
        keepalive: seconds.
        tls: None without TLS.
        breaker: guards the connection.
    """

    hosts: tuple[str, ...] = key(Hosts(), ("localhost",), name="host")
    port: int = key(Whole(1, 65535, says="a port"), 1883)
    transport: str = key(OneOf(("tcp", "websockets")), "tcp")
    path: str = key(Text(r"/[^\s#\x00-\x1f\x7f]*", "a path that begins with /"), "/mqtt")
    client_id: str | None = key(WithPlaceholders(Text(longest=256)), None)
    username: str | None = key(WithPlaceholders(Text()), None)
    password_file: Path | None = key(Place(), None)
    version: int | str = key(OneOf((5, "3.1.1")), 5)
    topic_root: str = key(Topic(8, longest=128), "limpet")
    keepalive: float = key(Duration(65535.0), 15.0)
    tls: TlsConfig | None = key(Table(TlsConfig), None)
    breaker: BreakerConfig = key(Table(BreakerConfig), BROKER_BREAKER)

    @property
    def host(self) -> str:
        """The first host."""
        return self.hosts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxConfig:
    """What waits for the broker.

    Attributes:
        max_size: bytes.
        max_age: seconds; older batches are given up.
        when_full: which batch has to go.
        durability: when a batch is on disk: before it is sent, as soon as the broker does not acknowledge, or never.
        backfill_rate: batches per second while history is delivered.
        backfill_format: history travels batch by batch, or in blocks of compressed JSON lines.
        require_subscriber: a batch without a subscriber is kept and tried again (MQTT 5).
    """

    max_size: int = key(Size(), 64_000_000)
    max_age: float = key(Duration(), 30 * 86400.0)
    when_full: str = key(OneOf(("drop_oldest", "drop_newest", "thin")), "drop_oldest")
    durability: str = key(OneOf(("outage", "always", "memory")), "outage")
    backfill_rate: float = key(Number(above=0.0), 20.0)
    backfill_format: str = key(OneOf(("batch", "block")), "batch")
    require_subscriber: bool = key(Flag(), False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultsConfig:
    """For all sensors; a sensor's own table wins.

    Attributes:
        retry: how often a reading is tried.
        breaker: when a sensor is left alone.
    """

    retry: RetryConfig = key(Table(RetryConfig), RetryConfig())
    breaker: BreakerConfig = key(Table(BreakerConfig), BreakerConfig())


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAssistantConfig:
    """Discovery by Home Assistant.

    Attributes:
        discovery: whether the device announces itself.
        prefix: Home Assistant's discovery prefix.
    """

    discovery: bool = key(Flag(), False)
    prefix: str = key(Topic(8), "homeassistant")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandsConfig:
    """Requests over MQTT.

    Attributes:
        allow: the requests that are answered; none by default.
    """

    allow: tuple[str, ...] = key(Several(OneOf(REQUESTS)), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The status page.

    Attributes:
        listen: host and port; None is off.
    """

    listen: tuple[str, int] | None = key(Listen(), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration.

    Attributes:
        config_version: of the file, for `limpet check --upgrade`.
        agent: the agent itself.
        mqtt: the broker.
        outbox: what waits for it.
        defaults: already merged into the sensors.
        homeassistant: discovery.
        commands: requests over MQTT.
        web: the status page.
        buses: where the defaults do not serve.
        sensors: in the order of the file.
        file: where it was read from; None for a text.
        warnings: what is unwise in it.
    """

    config_version: int = key(Whole(1, 1000, says="the version of the file"), 1)
    agent: AgentConfig = key(Table(AgentConfig), factory=AgentConfig)
    mqtt: MqttConfig = key(Table(MqttConfig), MqttConfig())
    outbox: OutboxConfig = key(Table(OutboxConfig), OutboxConfig())
    defaults: DefaultsConfig = key(Table(DefaultsConfig), DefaultsConfig())
    homeassistant: HomeAssistantConfig = key(Table(HomeAssistantConfig), HomeAssistantConfig())
    commands: CommandsConfig = key(Table(CommandsConfig), CommandsConfig())
    web: WebConfig = key(Table(WebConfig), WebConfig())
    buses: tuple[BusConfig, ...] = key(Tables(BusConfig), (), name="bus")
    sensors: tuple[SensorConfig, ...] = key(Tables(SensorConfig), (), name="sensor")
    file: Path | None = field(default=None, compare=False)
    warnings: tuple[Mistake, ...] = field(default=(), compare=False)

    def state_dir(self, environ: Mapping[str, str]) -> Path:
        """Return the folder of the outbox: as configured, else $STATE_DIRECTORY, else ~/.local/state/limpet.

        A command run by hand with the installed configuration gets the service's folder.
        """
        if self.agent.state_dir is not None:
            return self.agent.state_dir
        if environ.get("STATE_DIRECTORY"):
            return Path(environ["STATE_DIRECTORY"].partition(":")[0])
        if self.file == SYSTEM_FILE and SYSTEM_STATE.is_dir():
            return SYSTEM_STATE
        return Path("~/.local/state/limpet").expanduser()
