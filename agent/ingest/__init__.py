"""Storing what devices publish, and proving that nothing is missing: sources, databases, and the ledger."""
