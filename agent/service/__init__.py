"""One running agent: built from the configuration, started together, stopped in order."""
