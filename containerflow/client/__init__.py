"""Clients of a running Flow."""
