"""An error as its reader meets it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from containerflow.errors import (
    BuildError,
    Code,
    ContainerflowError,
    ExitedError,
    ReadyTimeoutError,
    RequestError,
    YamlError,
)
from containerflow.terminal import show_error
from tests.unit.terminal.conftest import Terminal


def shown(error: ContainerflowError) -> list[str]:
    out = io.StringIO()
    show_error(error, out)
    return out.getvalue().splitlines()


def test_what_happened_stands_before_what_to_do() -> None:
    lines = shown(ContainerflowError("Nothing is at x.", remedy="Put something there."))
    assert lines == ["error: Nothing is at x.", "  Put something there."]


@pytest.mark.parametrize("kind", [BuildError, ExitedError, ReadyTimeoutError])
def test_only_the_last_lines_of_a_log_are_shown_and_what_to_do_before_them(
    kind: type[BuildError] | type[ExitedError] | type[ReadyTimeoutError],
) -> None:
    log = "\n".join(f"line {number}" for number in range(100))
    lines = shown(kind("It ended.", log=log, remedy="Mend it."))
    assert lines[0] == "error: It ended."
    assert lines[1] == "  Mend it."
    assert lines[2] == "  | line 80"
    assert lines[-1] == "  | line 99"


def test_a_fault_in_a_file_shows_the_line_with_a_mark_below_the_column(tmp_path: Path) -> None:
    path = tmp_path / "flow.yml"
    path.write_text("jtype: Flow\nexecutors:\n  - nam: a\n")
    lines = shown(YamlError("unknown key 'nam'", source=str(path), line=3, column=5))
    assert lines[0] == f"error: {path}:3:5: unknown key 'nam'"
    marked = lines.index("     3 |   - nam: a")
    assert lines[marked + 1].index("^") == lines[marked].index("nam")


def test_a_fault_in_text_that_is_no_file_shows_no_line() -> None:
    assert shown(YamlError("bad", source="<text>", line=3, column=5)) == ["error: <text>:3:5: bad"]


def test_a_failed_request_names_code_executor_request_and_field() -> None:
    error = RequestError(
        "The documents do not fit.",
        code=Code.INVALID,
        executor="clean",
        request_id="r1",
        detail=[{"loc": ["data", 0, "text"], "msg": "should be a string", "type": "string_type"}],
    )
    text = "\n".join(shown(error))
    for part in ("422 INVALID", "clean", "r1", "data.0.text: should be a string"):
        assert part in text


def test_on_a_terminal_the_same_stands_in_a_panel(screen: Terminal) -> None:
    show_error(ExitedError("It ended.", log="[last] words", remedy="Mend it."), screen.file)
    written = screen.close()
    assert "╭" in written
    for part in ("It ended.", "[last] words", "Mend it."):
        assert part in written
