"""The Gateway's process."""
