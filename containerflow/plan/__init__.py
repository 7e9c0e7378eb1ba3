"""The Plan: what will run, decided in one pure step."""
