"""Where a Plan goes: each target translates, none decides."""
