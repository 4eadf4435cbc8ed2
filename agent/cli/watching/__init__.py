"""What a subscriber can know of an agent, and how people are shown it: for `limpet watch` and `limpet demo`."""
