"""Takes requests from both doors, bounds them, and sees that each gets its answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from containerflow.runtime.executor.answer import Answer, RequestFailure, failed, unforeseen
from containerflow.runtime.executor.catalogue import Catalogue
from containerflow.runtime.executor.handler import Handler
from containerflow.runtime.executor.workers import Workers
from containerflow.runtime.metrics import RequestMetrics
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.names import FALLBACK_ENDPOINT

__all__ = ["Job", "Service"]

_logger = logging.getLogger(__name__)

_UNKNOWN = "unknown"
_CODES = {number: name.removeprefix("CODE_") for name, number in pb.Code.items()}
_FOREVER = float("inf")


class Job:
    """One request on its way to its answer.

    Args:
        request: The request.
        deliver: Called once on the event loop with the job and the serialized Response; not
            called for a job that was cancelled.
    """

    __slots__ = (
        "began",
        "cancelled",
        "deadline",
        "deliver",
        "handler",
        "request",
        "running",
        "task",
    )

    def __init__(self, request: pb.Request, deliver: Callable[[Job, bytes], None]) -> None:
        self.request = request
        self.deliver = deliver
        self.began = time.monotonic()
        timeout = request.timeout_ms
        self.deadline = self.began + timeout / 1000 if timeout else _FOREVER
        self.cancelled = False
        self.handler: Handler | None = None
        self.task: asyncio.Task[None] | None = None
        self.running = False


class Service:
    """Dispatches requests to handlers: sync ones to worker threads, the others on the loop.

    Args:
        name: The Executor's name.
        catalogue: What it serves.
        workers: Threads for sync handlers.
        metrics: Counts requests.
        max_pending: Requests queued or running, over which more are refused at once.
    """

    def __init__(
        self,
        name: str,
        catalogue: Catalogue,
        workers: Workers,
        metrics: RequestMetrics,
        *,
        max_pending: int,
    ) -> None:
        self.catalogue = catalogue
        self._name = name
        self._workers = workers
        self._metrics = metrics
        self._max_pending = max_pending
        self._loop = asyncio.get_running_loop()
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._finished: deque[tuple[Job, Answer]] = deque()
        self._collecting = False

    @property
    def pending(self) -> int:
        """Requests queued or running."""
        return self._pending

    @property
    def is_draining(self) -> bool:
        """Whether new requests are refused because the end is near."""
        return self._draining

    def submit(self, jobs: Sequence[Job]) -> None:
        """Take on the requests that arrived together.

        Those with a sync handler share one way to the worker thread; each is answered as soon as
        it is done.
        """
        blocking: list[Job] = []
        for job in jobs:
            handler = self.catalogue.handler(job.request.endpoint)
            if handler is None or self._draining or self._pending >= self._max_pending:
                self._refuse(job, handler)
                continue
            job.handler = handler
            self._pending += 1
            self._metrics.began()
            if handler.is_async:
                job.task = self._loop.create_task(self._run_async(job, handler))
            elif handler.blocking:
                blocking.append(job)
            else:
                self._finish(job, self._carry_out(job, handler))
        if self._pending:
            self._idle.clear()
        if not blocking:
            return
        if self._workers.count == 1:
            self._workers.put(partial(self._work, blocking))
        else:
            for job in blocking:
                self._workers.put(partial(self._work, (job,)))

    def cancel(self, job: Job) -> None:
        """Nobody waits for the answer any more: drop it, and stop what can be stopped."""
        job.cancelled = True
        # A task that has not begun would end without ever having run; it looks at the flag.
        if job.task is not None and job.running:
            job.task.cancel()

    def drain(self) -> None:
        """Take nothing new from now on."""
        self._draining = True

    async def drained(self) -> None:
        """Wait until each request that was taken on has its answer."""
        await self._idle.wait()

    def _work(self, jobs: Sequence[Job]) -> None:
        """In a worker thread."""
        for job in jobs:
            if job.cancelled or job.handler is None:
                answer = Answer(pb.CODE_CANCELLED, b"")
            else:
                answer = self._carry_out(job, job.handler)
            self._finished.append((job, answer))
            # The first answer wakes the loop, which finds whatever else is done by then: quick
            # answers share one wake, and none waits for a slow one behind it.
            if not self._collecting:
                self._collecting = True
                self._loop.call_soon_threadsafe(self._collect)

    def _carry_out(self, job: Job, handler: Handler) -> Answer:
        try:
            return self._late(job) or handler.answer(job.request)
        except BaseException as error:  # noqa: BLE001 - the thread and the loop must outlive it
            return self._unforeseen(job, error)

    def _collect(self) -> None:
        # Cleared first: an answer that comes in meanwhile wakes the loop once more than needed,
        # and never once too little.
        self._collecting = False
        finished = self._finished
        while finished:
            self._finish(*finished.popleft())

    async def _run_async(self, job: Job, handler: Handler) -> None:
        job.running = True
        answer = Answer(pb.CODE_CANCELLED, b"")
        try:
            late = self._late(job)
            if late is not None:
                answer = late
            elif job.cancelled:
                pass
            elif job.deadline == _FOREVER:
                answer = await handler.answer_async(job.request)
            else:
                async with asyncio.timeout(job.deadline - time.monotonic()):
                    answer = await handler.answer_async(job.request)
        except TimeoutError:
            answer = self._too_late(job)
        except asyncio.CancelledError:
            if not job.cancelled:
                answer = self._failed(
                    job, pb.CODE_FAILED, f"Executor {self._name!r} cancelled this request itself."
                )
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - the request must end, and the loop go on
            answer = self._unforeseen(job, error)
        self._finish(job, answer)

    def _finish(self, job: Job, answer: Answer) -> None:
        self._pending -= 1
        if not self._pending:
            self._idle.set()
        code = pb.CODE_CANCELLED if job.cancelled else answer.code
        self._metrics.ended(self._label(job), _CODES[code], time.monotonic() - job.began)
        if not job.cancelled:
            self._deliver(job, answer)

    def _deliver(self, job: Job, answer: Answer) -> None:
        try:
            job.deliver(job, answer.payload)
        except Exception:
            # Others that were done with it still have theirs to get.
            _logger.exception("An answer of Executor %r could not be sent.", self._name)

    def _refuse(self, job: Job, handler: Handler | None) -> None:
        endpoint = job.request.endpoint
        if self._draining:
            answer = self._failed(
                job,
                pb.CODE_UNAVAILABLE,
                f"Executor {self._name!r} is stopping; try another one.",
                refused=True,
            )
        elif handler is None:
            known = ", ".join(sorted(self.catalogue.handlers)) or "none"
            answer = self._failed(
                job,
                pb.CODE_NOT_FOUND,
                f"Executor {self._name!r} has no endpoint {endpoint}. Known endpoints: {known}.",
            )
        else:
            answer = self._failed(
                job,
                pb.CODE_OVERLOADED,
                f"Executor {self._name!r} has {self._pending} requests waiting, which is all it "
                "takes; try again later, or give it more replicas.",
                refused=True,
            )
        self._metrics.counted(self._label(job), _CODES[answer.code])
        self._deliver(job, answer)

    def _late(self, job: Job) -> Answer | None:
        return self._too_late(job) if time.monotonic() >= job.deadline else None

    def _too_late(self, job: Job) -> Answer:
        return self._failed(
            job,
            pb.CODE_DEADLINE_EXCEEDED,
            f"Executor {self._name!r} did not finish {job.request.endpoint} within the "
            f"{job.request.timeout_ms} ms that its deadline left.",
        )

    def _failed(self, job: Job, code: pb.Code, message: str, *, refused: bool = False) -> Answer:
        failure = RequestFailure(code, message, refused=refused)
        return failed(job.request.id, self._name, failure)

    def _unforeseen(self, job: Job, error: BaseException) -> Answer:
        where = f"Executor {self._name!r} at {job.request.endpoint}"
        return unforeseen(job.request.id, self._name, where, error)

    def _label(self, job: Job) -> str:
        endpoint = job.request.endpoint
        handlers = self.catalogue.handlers
        if endpoint in handlers:
            return endpoint
        return FALLBACK_ENDPOINT if FALLBACK_ENDPOINT in handlers else _UNKNOWN
