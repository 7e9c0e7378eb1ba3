"""The declaration: what the user writes, its YAML and its graph."""
