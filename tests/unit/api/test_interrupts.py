import signal
import threading
from collections.abc import Iterator

import pytest

from containerflow.api.interrupts import Flag, Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    taken = Interrupts()
    taken.install()
    yield taken
    taken.restore()


DEFAULTS = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}


@pytest.fixture(autouse=True)
def _handlers_are_as_before() -> Iterator[None]:
    outside = {number: signal.signal(number, default) for number, default in DEFAULTS.items()}
    yield
    left = {number: signal.getsignal(number) for number in DEFAULTS}
    for number, handler in outside.items():
        signal.signal(number, handler)
    assert left == DEFAULTS


def test_an_interrupt_between_phases_is_a_keyboard_interrupt(interrupts: Interrupts) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_request_to_end_unwinds_and_ends_with_the_signals_code(
    interrupts: Interrupts, number: int, code: int
) -> None:
    with pytest.raises(SystemExit) as caught:
        signal.raise_signal(number)
    assert caught.value.code == code


def test_the_first_signal_of_a_start_cancels_it_and_is_raised_at_its_end(
    interrupts: Interrupts,
) -> None:
    cancelled = Flag()
    seen = []

    def start() -> None:
        with interrupts.starting(cancelled):
            signal.raise_signal(signal.SIGTERM)
            seen.append("went on")

    with pytest.raises(SystemExit):
        start()
    assert cancelled.is_set()
    assert seen == ["went on"]


def test_no_number_of_signals_tears_a_start_out_of_undoing_what_it_made(
    interrupts: Interrupts,
) -> None:
    seen = []

    def start() -> None:
        with interrupts.starting(Flag()):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGHUP):
                signal.raise_signal(number)
                seen.append(number)

    with pytest.raises(SystemExit) as caught:
        start()
    assert caught.value.code == 143
    assert len(seen) == 4


@pytest.mark.parametrize("phase", ["starting", "closing"])
def test_a_signal_long_after_the_hurry_began_gives_up_on_an_engine_that_hangs(
    interrupts: Interrupts, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("containerflow.api.interrupts._PATIENCE_SECONDS", -1.0)
    seen = []

    def run() -> None:
        with getattr(interrupts, phase)(Flag()):
            # The second one of all is the first that a close hurries for.
            for _ in range(1 if phase == "starting" else 2):
                signal.raise_signal(signal.SIGINT)
            seen.append("hurried")
            signal.raise_signal(signal.SIGINT)
            seen.append("went on")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert seen == ["hurried"]


def test_a_signal_within_the_handler_of_another_one_is_absorbed_too(
    interrupts: Interrupts,
) -> None:
    class Again:
        """Set by the handler of the first signal, in which the second one comes."""

        times = 0

        def set(self) -> None:
            self.times += 1
            signal.raise_signal(signal.SIGINT)

    again = Again()

    def start() -> None:
        with interrupts.starting(again):
            signal.raise_signal(signal.SIGINT)
            again.times += 10

    with pytest.raises(KeyboardInterrupt):
        start()
    assert again.times == 11


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_blocking_only_ends_the_block(interrupts: Interrupts, number: int) -> None:
    stop = Flag()
    with interrupts.blocking(stop):
        signal.raise_signal(number)
    assert stop.is_set()


def test_an_interrupt_while_closing_waits_until_all_is_closed(interrupts: Interrupts) -> None:
    hurry = Flag()
    seen = []

    def close() -> None:
        with interrupts.closing(hurry):
            signal.raise_signal(signal.SIGINT)
            seen.append("went on")

    with pytest.raises(KeyboardInterrupt):
        close()
    assert seen == ["went on"]
    assert not hurry.is_set()


def test_the_second_signal_of_all_makes_closing_hurry(interrupts: Interrupts) -> None:
    stop, hurry = Flag(), Flag()
    with interrupts.blocking(stop):
        signal.raise_signal(signal.SIGINT)
    with interrupts.closing(hurry):
        assert not hurry.is_set()
        signal.raise_signal(signal.SIGINT)
    assert hurry.is_set()


def test_further_signals_do_not_tear_a_close_out_of_its_hurry(interrupts: Interrupts) -> None:
    hurry = Flag()
    seen = []

    def close() -> None:
        with interrupts.closing(hurry):
            for _ in range(5):
                signal.raise_signal(signal.SIGINT)
            seen.append("went on")

    with pytest.raises(KeyboardInterrupt):
        close()
    assert hurry.is_set()
    assert seen == ["went on"]


def test_an_error_of_a_phase_is_not_hidden_by_a_signal(interrupts: Interrupts) -> None:
    def start() -> None:
        with interrupts.starting(Flag()):
            signal.raise_signal(signal.SIGINT)
            raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        start()
    # It is raised at the end of the next phase, which is that of closing.
    with pytest.raises(KeyboardInterrupt), interrupts.closing(Flag()):
        pass


def test_what_a_cancelled_start_raises_becomes_what_the_signal_raises(
    interrupts: Interrupts,
) -> None:
    def start() -> None:
        with interrupts.starting(Flag()):
            signal.raise_signal(signal.SIGTERM)
            raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        start()
    assert caught.value.code == 143


def test_a_programs_own_handler_is_left_to_it() -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        taken = Interrupts()
        taken.install()
        signal.raise_signal(signal.SIGTERM)
        taken.restore()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        taken = Interrupts()
        taken.install()
        signal.raise_signal(signal.SIGHUP)
        taken.restore()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_two_flows_may_be_closed_in_any_order() -> None:
    first, second = Interrupts(), Interrupts()
    first.install()
    second.install()
    first.restore()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    second.restore()
    # The first one is over by then, so it is passed over.
    assert {number: signal.getsignal(number) for number in DEFAULTS} == DEFAULTS


def test_outside_the_main_thread_nothing_is_taken_over() -> None:
    before = signal.getsignal(signal.SIGINT)
    during = []

    def run() -> None:
        taken = Interrupts()
        taken.install()
        during.append(signal.getsignal(signal.SIGINT))
        with taken.closing(Flag()), taken.blocking(Flag()):
            pass
        taken.restore()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert during == [before]
