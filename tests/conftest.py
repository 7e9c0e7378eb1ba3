"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# No test judges by the clock: a busy machine is not a fault of what is tested.
settings.register_profile("without-clock", deadline=None)
settings.load_profile("without-clock")
