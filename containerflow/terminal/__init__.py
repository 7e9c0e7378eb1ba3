"""How long work and errors look on a terminal, and on a plain log."""

from containerflow.terminal.errors import show_error
from containerflow.terminal.progress import terminal_progress

__all__ = ["show_error", "terminal_progress"]
