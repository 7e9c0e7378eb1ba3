"""Takes one request along its route."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from containerflow.runtime.gateway.door import Door
from containerflow.runtime.gateway.failure import failure
from containerflow.runtime.gateway.route import CALLER, Route
from containerflow.wire import contract_pb2 as pb


@dataclass(slots=True)
class Errand:
    """A request as the caller made it, and when its time is up.

    Attributes:
        endpoint: As the caller named it.
        parts: The caller's body; several where the caller is itself a join.
        accept: The codec of the final answer.
        joined: Whether the final answer is one part of the caller's join.
        request_id: Names the request in answers and logs.
        deadline: In the event loop's time, in seconds.
    """

    endpoint: str
    parts: Sequence[pb.Part]
    accept: pb.Codec
    joined: bool
    request_id: str
    deadline: float


class Walk:
    """Walks requests through the doors of a Flow's Executors.

    Args:
        names: The Executors' names, in declared order.
        doors: Their doors, in the same order.
        clock: The event loop's time.
    """

    def __init__(
        self, names: Sequence[str], doors: Sequence[Door], clock: Callable[[], float]
    ) -> None:
        self._names = tuple(names)
        self._doors = tuple(doors)
        self._clock = clock

    async def chain(self, route: Route, errand: Errand) -> pb.Response:
        """Along a chain: the answer of the last Executor, or the first failure."""
        last = len(route.steps) - 1
        parts = errand.parts
        turn = 0
        while True:
            node = route.steps[turn].node
            if turn == last:
                request = self._request(errand, errand.accept, errand.joined)
            else:
                request = self._request(errand, pb.CODEC_BINARY, joined=False)
            request.parts.extend(parts)
            response = await self._doors[node].call(request)
            if turn and response.code != pb.CODE_OK:
                # Not the Flow's own refusal: the Executors before have done their part.
                response.failure.refused = False
            if turn == last or response.code != pb.CODE_OK:
                return response
            parts = (self._part(node, response),)
            turn += 1

    async def graph(self, route: Route, errand: Errand) -> tuple[list[pb.Part], pb.Response | None]:
        """Along a graph: the parts of the answer in declared order, or a failure.

        Where several Executors fail, the failure is that of the first one in the route's order,
        however quick the others were: those before it are waited for, those after it cancelled.
        """
        answers: list[pb.Response | None] = [None] * len(route.steps)
        tasks: list[asyncio.Task[None]] = []
        failed = len(route.steps)

        async def take(turn: int) -> None:
            nonlocal failed
            step = route.steps[turn]
            before = [tasks[source] for source in step.sources if source != CALLER]
            if before:
                await asyncio.wait(before)
            parts = self._collect(step.sources, route, errand, answers)
            if parts is None:
                return
            ends = turn in route.answers
            request = self._request(
                errand,
                errand.accept if ends and len(route.answers) == 1 else pb.CODEC_BINARY,
                joined=step.joined or (ends and errand.joined),
            )
            request.parts.extend(parts)
            answers[turn] = response = await self._doors[step.node].call(request)
            if response.code != pb.CODE_OK:
                # Not the Flow's own refusal: other branches may have done their part.
                response.failure.refused = False
                if turn < failed:
                    failed = turn
                    for later in tasks[turn + 1 :]:
                        later.cancel()

        tasks.extend(asyncio.create_task(take(turn)) for turn in range(len(route.steps)))
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
        for turn, task in enumerate(tasks):
            if not task.cancelled():
                # Raises what should not have happened; the failures of Executors are answers.
                task.result()
            elif turn < failed:
                # Cancelled by its connection: only those after a failure are cancelled here.
                failed = turn
                answers[turn] = failure(
                    pb.CODE_UNAVAILABLE,
                    "The call was broken off; the Executor may or may not have carried it out.",
                    executor=self._names[route.steps[turn].node],
                )
        if failed < len(answers):
            return [], answers[failed]
        parts = self._collect(route.answers, route, errand, answers)
        assert parts is not None
        return parts, answers[route.answers[0]] if len(route.answers) == 1 else None

    def _collect(
        self,
        sources: Sequence[int],
        route: Route,
        errand: Errand,
        answers: Sequence[pb.Response | None],
    ) -> list[pb.Part] | None:
        """The parts that come from `sources`, in their order; None if one of them failed."""
        parts: list[pb.Part] = []
        for source in sources:
            if source == CALLER:
                parts.extend(errand.parts)
                continue
            response = answers[source]
            if response is None or response.code != pb.CODE_OK:
                return None
            parts.append(self._part(route.steps[source].node, response))
        return parts

    def _part(self, node: int, response: pb.Response) -> pb.Part:
        return pb.Part(source=self._names[node], codec=response.codec, body=response.body)

    def _request(self, errand: Errand, accept: pb.Codec, joined: bool) -> pb.Request:
        left = int((errand.deadline - self._clock()) * 1000)
        return pb.Request(
            request_id=errand.request_id,
            endpoint=errand.endpoint,
            # 0 would mean that there is no deadline.
            timeout_ms=left if left > 0 else 1,
            accept=accept,
            joined=joined,
        )
