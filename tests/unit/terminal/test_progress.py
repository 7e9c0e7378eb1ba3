"""What people see of long work."""

from __future__ import annotations

import doctest
import io
import threading

import pytest

from containerflow import terminal
from containerflow.progress import Progress, Silent
from containerflow.terminal import console, errors, progress, terminal_progress
from tests.unit.terminal.conftest import Terminal


def test_in_a_log_a_step_is_a_line_at_its_start_and_one_at_its_end() -> None:
    out = io.StringIO()
    with terminal_progress(out).step("Building image a") as step:
        step.note("never shown")
    first, second = out.getvalue().splitlines()
    assert first == "Building image a"
    assert second.startswith("Building image a: done in ")


def test_in_a_log_a_failed_step_says_so_and_the_error_goes_on() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="no"), terminal_progress(out).step("Pulling b"):
        raise ValueError("no")
    assert out.getvalue().splitlines()[-1].startswith("Pulling b: failed after ")


def test_in_a_log_an_interrupted_step_is_not_called_failed() -> None:
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt), terminal_progress(out).step("Pulling b"):
        raise KeyboardInterrupt
    assert out.getvalue().splitlines()[-1].startswith("Pulling b: interrupted after ")


def test_a_log_gets_no_control_characters_even_when_colour_is_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = io.StringIO()
    with terminal_progress(out).step("Step"):
        pass
    assert "\x1b" not in out.getvalue()


def test_quiet_shows_nothing() -> None:
    out = io.StringIO()
    quiet = terminal_progress(out, quiet=True)
    with quiet.step("Step"):
        quiet.say("a line")
    assert isinstance(quiet, Silent)
    assert out.getvalue() == ""


def test_text_is_never_read_as_markup() -> None:
    out = io.StringIO()
    terminal_progress(out).say("[bold]x[/bold] :warning: [/nothing]")
    assert out.getvalue() == "[bold]x[/bold] :warning: [/nothing]\n"


def test_on_a_terminal_the_newest_note_is_drawn_and_the_end_stays(screen: Terminal) -> None:
    with terminal_progress(screen.file).step("Building image a") as step:
        step.note("first\nStep 3/9 : RUN pip install\n")
    written = screen.close()
    assert "✓" in written
    assert written.rstrip().splitlines()[-1].find("Building image a") >= 0


def test_on_a_terminal_a_failure_is_marked_and_the_cursor_comes_back(screen: Terminal) -> None:
    with pytest.raises(ValueError, match="no"), terminal_progress(screen.file).step("Pulling b"):
        raise ValueError("no")
    written = screen.close()
    assert "✗" in written
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")


def run_in_threads(shown: Progress, count: int) -> None:
    together = threading.Barrier(count)

    def work(number: int) -> None:
        together.wait()
        for turn in range(5):
            with shown.step(f"step {number}.{turn}") as step:
                step.note("busy")
            shown.say(f"said {number}.{turn}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)


def test_many_threads_may_report_at_once_on_a_terminal(screen: Terminal) -> None:
    run_in_threads(terminal_progress(screen.file), 8)
    written = screen.close()
    assert written.count("✓") == 40
    assert all(f"said {number}.{turn}" in written for number in range(8) for turn in range(5))


def test_many_threads_may_report_at_once_in_a_log() -> None:
    out = io.StringIO()
    run_in_threads(terminal_progress(out), 8)
    lines = out.getvalue().splitlines()
    assert len(lines) == 8 * 5 * 3
    assert sum(": done in " in line for line in lines) == 40


@pytest.mark.parametrize("module", [console, errors, progress, terminal])
def test_the_examples_in_the_docstrings_are_true(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
