"""A container-first runtime for service graphs."""
