"""Tables on standard output: as wide as the terminal, and unabridged in a pipe."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

__all__ = ["print_table"]

_UNABRIDGED = 10_000


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Collection[str] = ()
) -> None:
    """Print rows in aligned columns.

    Args:
        headers: Names of the columns.
        rows: One text a column.
        whole: Columns that are never broken, so that what stands there can be copied.

    Example:
        >>> print_table(["NAME", "NEEDS"], [["clean", "gateway"], ["rank", "lexical, vector"]])
        NAME   NEEDS
        clean  gateway
        rank   lexical, vector
    """
    # Not at the top: a command that prints no table shall not wait for rich.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.file.isatty():
        console.width = _UNABRIDGED
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold", no_wrap=header in whole)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as capture:
        console.print(table)
    # The last column is padded as the others are; nobody wants those blanks in a pipe.
    console.file.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))
