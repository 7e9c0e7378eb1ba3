"""Deadlines: one timer for all requests in flight."""

from __future__ import annotations

import asyncio
from functools import partial

from containerflow.runtime.gateway.deadlines import Deadline, Deadlines


def sleeper() -> asyncio.Task[object]:
    return asyncio.ensure_future(asyncio.sleep(60))


async def test_a_deadline_that_passes_cancels_its_task_and_says_so() -> None:
    deadlines, task = Deadlines(), sleeper()
    deadline = Deadline(task, asyncio.get_running_loop().time() + 0.01)
    deadlines.add(deadline)
    await asyncio.wait([task])
    assert task.cancelled()
    assert deadline.passed
    assert len(deadlines) == 0


async def test_a_deadline_that_was_removed_cancels_no_one() -> None:
    deadlines, kept, removed = Deadlines(), sleeper(), sleeper()
    now = asyncio.get_running_loop().time()
    deadline = Deadline(removed, now + 0.005)
    deadlines.add(deadline)
    deadlines.add(Deadline(kept, now + 0.02))
    deadlines.remove(deadline)
    await asyncio.wait([kept])
    assert kept.cancelled()
    assert not removed.done()
    assert not deadline.passed
    removed.cancel()


async def test_an_earlier_deadline_that_comes_later_is_kept() -> None:
    deadlines, late, early = Deadlines(), sleeper(), sleeper()
    now = asyncio.get_running_loop().time()
    deadlines.add(Deadline(late, now + 60))
    deadlines.add(Deadline(early, now + 0.01))
    await asyncio.wait([early])
    assert not late.done()
    assert len(deadlines) == 1
    deadlines.close()
    late.cancel()


async def test_deadlines_pass_one_after_the_other() -> None:
    deadlines = Deadlines()
    ended: list[str] = []

    def end(name: str, _: asyncio.Task[object]) -> None:
        ended.append(name)

    now = asyncio.get_running_loop().time()
    tasks = []
    for name, delay in (("c", 0.03), ("a", 0.01), ("b", 0.02)):
        task = sleeper()
        task.add_done_callback(partial(end, name))
        tasks.append(task)
        deadlines.add(Deadline(task, now + delay))
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert ended == ["a", "b", "c"]
