"""What subscribers see: topics, payloads, schemas and the discovery document of Home Assistant."""
