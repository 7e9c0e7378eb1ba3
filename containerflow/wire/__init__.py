"""The contract between containers: messages, lanes, bodies and settings."""
