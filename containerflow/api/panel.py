"""The panel that tells where a Flow that has come up is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from containerflow.terminal.console import console_for, is_live

if TYPE_CHECKING:
    from containerflow.flow.spec import FlowSpec
    from containerflow.targets.docker import Address

__all__ = ["Row", "panel_rows", "show_panel"]

HEADING = "Flow is ready to serve!"

Row = tuple[str, str]
"""What it is, and the address; a row without an address is the heading of those below it."""


def panel_rows(spec: FlowSpec, addresses: tuple[Address, ...]) -> list[Row]:
    """What the panel says.

    Args:
        spec: The Flow.
        addresses: Where its Gateway is reached.

    Returns:
        Rows in the order in which they are shown. A kind of address that is not known is left
        out: a port published on 127.0.0.1 is not reached from elsewhere, and the public address is
        known only where the machine itself has one.
    """
    rows: list[Row] = [("Endpoint", "")]
    for address in addresses:
        rows.append(("Protocol", address.protocol.upper()))
        for kind in ("local", "private", "public"):
            place = getattr(address, kind)
            if place:
                rows.append((kind.capitalize(), f"{_scheme(address)}://{place}"))
    pages = next((one for one in addresses if one.protocol == "http"), None)
    if pages is not None and spec.gateway.docs:
        rows += [
            ("HTTP extension", ""),
            ("Swagger UI", f"http://{pages.local}/docs"),
            ("OpenAPI", f"http://{pages.local}/openapi.json"),
        ]
    return rows


def show_panel(spec: FlowSpec, addresses: tuple[Address, ...], file: TextIO | None = None) -> None:
    """Show the panel: framed on a terminal, as plain lines elsewhere.

    Args:
        spec: The Flow.
        addresses: Where its Gateway is reached.
        file: An open text stream; standard error by default.
    """
    console = console_for(file)
    rows = panel_rows(spec, addresses)
    if not is_live(console):
        lines = [f"{spec.name}: {HEADING}"]
        lines += [f"  {name + ':':<15} {value}" if value else f"  {name}" for name, value in rows]
        console.print("\n".join(lines), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(
            Text(name, style="bold" if not value else ""), Text(value, style="cyan", no_wrap=True)
        )
    title = Text.assemble((spec.name, "bold"), f": {HEADING}")
    console.print(Panel(table, title=title, title_align="left", border_style="green", expand=False))


def _scheme(address: Address) -> str:
    return {"http": "http", "grpc": "grpc", "websocket": "ws"}[address.protocol]
