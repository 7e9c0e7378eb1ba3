"""From an Executor's source to a content-addressed image."""
