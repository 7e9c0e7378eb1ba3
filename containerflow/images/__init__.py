"""From an Executor's source to an image whose tag is the hash of what went into it."""
