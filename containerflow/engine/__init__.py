"""The connection to a container engine."""
