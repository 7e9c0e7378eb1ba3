"""An Executor's process."""
