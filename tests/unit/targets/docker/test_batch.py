import threading

import pytest

from containerflow.targets.docker.batch import Batch, raise_first


def test_jobs_run_side_by_side() -> None:
    barrier = threading.Barrier(8)
    batch = Batch({str(number): lambda: barrier.wait(20) for number in range(8)})
    assert batch.run() == {str(number): None for number in range(8)}


def test_what_a_job_raises_is_its_result_and_stops_no_other() -> None:
    done = []

    def fail() -> None:
        raise ValueError("no")

    results = Batch({"bad": fail, "good": lambda: done.append(1)}).run()
    assert isinstance(results["bad"], ValueError)
    assert results["good"] is None
    assert done == [1]


def test_more_jobs_than_threads_all_get_their_turn() -> None:
    seen: set[int] = set()
    Batch({str(number): lambda number=number: seen.add(number) for number in range(200)}).run()
    assert seen == set(range(200))


def test_cancel_drops_what_has_not_begun_and_wait_returns() -> None:
    release = threading.Event()
    begun = []

    def job() -> None:
        begun.append(1)
        release.wait(20)

    batch = Batch({str(number): job for number in range(100)})
    batch.start()
    batch.cancel()
    release.set()
    assert batch.wait(20)
    assert len(begun) < 100


def test_waiting_for_one_job_does_not_wait_for_the_others() -> None:
    release = threading.Event()
    batch = Batch({"slow": lambda: release.wait(20), "quick": lambda: None})
    batch.start()
    assert batch.wait_for("quick", 20)
    assert not batch.wait_for("slow", 0)
    release.set()
    assert batch.wait(20)


def test_where_no_thread_can_be_started_the_caller_does_the_work(monkeypatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    worker: list[str] = []
    jobs = {str(n): lambda: worker.append(threading.current_thread().name) for n in range(3)}
    assert list(Batch(jobs).run().values()) == [None, None, None]
    assert worker == [threading.current_thread().name] * 3


def test_an_empty_batch_is_over_at_once() -> None:
    assert Batch({}).run() == {}


def test_raise_first_raises_the_first_failure_in_the_order_of_ending() -> None:
    raise_first({"a": None})
    with pytest.raises(ValueError, match="first"):
        raise_first({"a": None, "b": ValueError("first"), "c": ValueError("second")})
