"""What users import: Flow, and how it is started and stopped."""
