"""From the configuration to the broker's address, and a password that vanishes."""

from random import Random

import pytest

from agent.broker import BrokerError
from agent.clock import Clock
from agent.config import parse
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.service.connect import publishing


def test_a_password_that_vanished_since_the_start_is_an_error_of_the_broker(runner, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("geheim\n")
    secret.chmod(0o600)
    config, _ = parse(f'[mqtt]\nusername = "a"\npassword_file = "{secret}"\n')
    making = publishing(config, Clock(), Random(1), {})
    secret.unlink()

    async def scene():
        publisher = making(Outbox("boot", runner.clock), Topics("limpet", "a"), lambda event: None)
        with pytest.raises(BrokerError, match="secret") as told:
            publisher._link()
        assert told.value.permanent
        assert "geheim" not in str(told.value)

    runner.run(scene())
