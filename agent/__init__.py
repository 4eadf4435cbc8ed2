"""Limpet's agent: rounds, batches, the outbox and the broker. The command is `limpet`."""
