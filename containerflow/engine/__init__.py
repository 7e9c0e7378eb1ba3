"""The container engine: finding the one that answers, and saying plainly what it refuses."""
