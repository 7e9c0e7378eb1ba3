"""The Gateway itself: knows the Flow's graph, and answers requests for whoever carries them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from containerflow.runtime.gateway.deadlines import Deadline, Deadlines
from containerflow.runtime.gateway.door import Door
from containerflow.runtime.gateway.failure import CODES, failure, too_much
from containerflow.runtime.gateway.held_bytes import HeldBytes
from containerflow.runtime.gateway.merging import echo, merge
from containerflow.runtime.gateway.route import CALLER, Route, compute, order
from containerflow.runtime.gateway.walk import Errand, Walk
from containerflow.runtime.metrics import RequestMetrics
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.names import FALLBACK_ENDPOINT
from containerflow.wire.settings import GatewaySettings, NodeSettings

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 1_000_000.0
"""A deadline further away than this (eleven days) is as good as none, and may not fit the wire."""

ReadBody = Callable[[HeldBytes], Awaitable[tuple[Sequence[pb.Part], int] | pb.Response]]
"""Waits for a body that is on its way: its parts and their bytes, or why there are none.

The bytes that it returns are counted as held; those of a body that fails have been given back.
"""

OpenDoor = Callable[[NodeSettings, Callable[[], None]], Door]
"""Makes the door of an Executor; the second argument is to be called when its replicas change."""


@dataclass(frozen=True, slots=True)
class ServiceReadiness:
    """Replicas of one Executor: how many there should be, and how many take requests."""

    replicas: int
    ready: int


@dataclass(frozen=True, slots=True)
class Served:
    """An endpoint that is served, and how.

    Attributes:
        label: Its declared name; FALLBACK_ENDPOINT where only fallbacks serve it.
        route: The way through the graph.
    """

    label: str
    route: Route


class Gateway:
    """Answers requests by passing them through the Flow's Executors.

    Args:
        settings: The Flow as the Plan describes it.
        open_door: Makes the door of each Executor.
        metrics: Where requests are counted.

    Raises:
        UnknownNameError: `needs` names an Executor that is not in the graph.
        CycleError: `needs` goes round in a circle.
    """

    def __init__(
        self, settings: GatewaySettings, open_door: OpenDoor, metrics: RequestMetrics
    ) -> None:
        order(settings.nodes)
        self._settings = settings
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._deadlines = Deadlines()
        self._held = HeldBytes(settings.max_body_bytes)
        self._listeners: list[Callable[[], None]] = []
        self._descriptions: tuple[bytes, ...] | None = None
        self._revision = 0
        self._served: dict[str, Served] = {}
        self._fallback: Served | None = None
        self._came_up = False
        self._draining = False
        self._doors: tuple[Door, ...] = ()
        self._doors = tuple(open_door(node, self._changed) for node in settings.nodes)
        self._walk = Walk([node.name for node in settings.nodes], self._doors, self._loop.time)
        self._changed()

    @property
    def settings(self) -> GatewaySettings:
        """What the Gateway was told at its start."""
        return self._settings

    @property
    def in_flight(self) -> int:
        """Requests that began and have not ended."""
        return self._metrics.in_flight

    @property
    def held(self) -> HeldBytes:
        """The bodies of the requests in flight."""
        return self._held

    @property
    def is_described(self) -> bool:
        """Whether each Executor has said what it serves."""
        return self._descriptions is not None

    @property
    def revision(self) -> int:
        """Counts how often the Executors have described something new."""
        return self._revision

    @property
    def descriptions(self) -> dict[str, pb.Description]:
        """What each Executor serves, as far as it is known, in declared order."""
        return {
            node.name: door.description
            for node, door in zip(self._settings.nodes, self._doors, strict=True)
            if door.description is not None
        }

    @property
    def endpoints(self) -> Mapping[str, Served]:
        """The declared endpoints, sorted; FALLBACK_ENDPOINT after them where there is one."""
        known = dict(self._served)
        if self._fallback is not None:
            known[FALLBACK_ENDPOINT] = self._fallback
        return known

    def services(self) -> dict[str, ServiceReadiness]:
        """How each Executor does, in declared order."""
        return {
            node.name: ServiceReadiness(door.declared, door.ready)
            for node, door in zip(self._settings.nodes, self._doors, strict=True)
        }

    def is_ready(self) -> bool:
        """Whether callers should send requests.

        The first time this takes all declared replicas; from then on, one of each Executor.
        """
        return self._came_up and not self._draining and all(door.ready for door in self._doors)

    def is_serving(self) -> dict[str, bool]:
        """Whether each Executor can do its part, by the same rule, in declared order."""
        return {
            name: service.ready >= (1 if self._came_up else service.replicas)
            for name, service in self.services().items()
        }

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever replicas or descriptions may have changed."""
        self._listeners.append(listener)

    def find(self, endpoint: str) -> Served | None:
        """Who serves an endpoint; None where nobody does, or nobody has said so yet."""
        return self._served.get(endpoint, self._fallback)

    async def call(
        self,
        endpoint: str,
        parts: Sequence[pb.Part],
        *,
        accept: pb.Codec,
        request_id: str,
        timeout: float = 0.0,
        joined: bool = False,
        size: int = 0,
        read: ReadBody | None = None,
    ) -> pb.Response:
        """Answer one request. Cancelling the call cancels it in the Executors too.

        Args:
            endpoint: As the caller named it, "/search".
            parts: The caller's body; more than one where the caller is itself a join.
            accept: The codec of the answer.
            request_id: Names the request in answers and logs.
            timeout: Time for it, in seconds; 0 for the Flow's own limit.
            joined: Whether the answer is one part of the caller's join.
            size: Of the parts' bodies, in bytes.
            read: Reads the parts where they are not there yet. It is called only if there is room
                for the request, and ends with the request's deadline.
        """
        served = self._served.get(endpoint, self._fallback)
        if served is None:
            return self._turn_away(endpoint)
        if self._metrics.in_flight >= self._settings.max_pending:
            return self._overloaded(served.label)
        if not self._held.take(size):
            self._metrics.counted(served.label, "OVERLOADED")
            return too_much(self._held.limit)
        task = asyncio.current_task()
        assert task is not None
        began = self._loop.time()
        seconds = timeout or self._settings.timeout_ms / 1000 or LONGEST_SECONDS
        deadline = Deadline(task, began + min(seconds, LONGEST_SECONDS))
        errand = Errand(endpoint, parts, accept, joined, request_id, deadline.at)
        code = "CANCELLED"
        self._metrics.began()
        self._deadlines.add(deadline)
        try:
            if read is not None:
                arrived = await read(self._held)
                if isinstance(arrived, pb.Response):
                    code = CODES[arrived.code].name
                    return arrived
                errand.parts, size = arrived
            if served.route.is_chain:
                response = await self._walk.chain(served.route, errand)
            else:
                response = await self._graph(served.route, errand)
            code = CODES[response.code].name
        except asyncio.CancelledError:
            if not deadline.passed and not task.cancelling():
                # Nobody asked for it: a connection that is closed under a call may end like this.
                code = "UNAVAILABLE"
                return failure(
                    pb.CODE_UNAVAILABLE,
                    f"The request to {endpoint} was broken off; the Flow may or may not have"
                    " carried it out.",
                )
            if not deadline.passed or task.uncancel() > 0:
                raise
            code = "DEADLINE_EXCEEDED"
            response = failure(
                pb.CODE_DEADLINE_EXCEEDED,
                f"The request to {endpoint} took longer than its"
                f" {deadline.at - began:g} seconds. Allow it more, or ask for less at once.",
            )
        finally:
            self._held.give(size)
            self._deadlines.remove(deadline)
            self._metrics.ended(served.label, code, self._loop.time() - began)
        return response

    async def _graph(self, route: Route, errand: Errand) -> pb.Response:
        if route.answers == (CALLER,):
            return echo(errand.parts, errand.accept, errand.request_id)
        parts, single = await self._walk.graph(route, errand)
        return single or merge(parts, errand.accept, errand.request_id)

    def _turn_away(self, endpoint: str) -> pb.Response:
        if not self.is_described:
            self._metrics.counted("unknown", "UNAVAILABLE")
            missing = [name for name in self.services() if name not in self.descriptions]
            return failure(
                pb.CODE_UNAVAILABLE,
                f"The Flow is still starting: no answer yet from {', '.join(missing)}."
                " /readyz says when it is ready.",
                refused=True,
            )
        self._metrics.counted("unknown", "NOT_FOUND")
        known = ", ".join(self._served) or "none"
        return failure(
            pb.CODE_NOT_FOUND,
            f"No Executor serves the endpoint {endpoint}. Known endpoints: {known}.",
        )

    def _overloaded(self, label: str) -> pb.Response:
        self._metrics.counted(label, "OVERLOADED")
        return failure(
            pb.CODE_OVERLOADED,
            f"The Gateway has {self._settings.max_pending} requests in flight, as many as it"
            " takes. Try again later, or add replicas.",
            refused=True,
        )

    def _changed(self) -> None:
        if len(self._doors) < len(self._settings.nodes):
            return  # called while the doors are being made
        self._compute_routes()
        if not self._came_up:
            self._came_up = self.is_described and all(
                door.ready >= door.declared for door in self._doors
            )
            if self._came_up:
                logger.info("Flow %s is ready.", self._settings.flow)
        for listener in self._listeners:
            listener()

    def _compute_routes(self) -> None:
        descriptions = list(self.descriptions.values())
        if len(descriptions) < len(self._doors):
            return
        prints = tuple(description.SerializeToString() for description in descriptions)
        if prints == self._descriptions:
            return
        self._descriptions = prints
        self._revision += 1
        nodes = self._settings.nodes
        serving: dict[str, set[str]] = {}
        for node, description in zip(nodes, descriptions, strict=True):
            for endpoint in description.endpoints:
                serving.setdefault(endpoint.name, set()).add(node.name)
        fallbacks = serving.pop(FALLBACK_ENDPOINT, set())
        self._served = {
            endpoint: Served(endpoint, compute(nodes, serving[endpoint] | fallbacks))
            for endpoint in sorted(serving)
        }
        self._fallback = None
        if fallbacks or not nodes:
            self._fallback = Served(FALLBACK_ENDPOINT, compute(nodes, fallbacks))

    def begin_drain(self) -> None:
        """Say that no one should send requests any more; those that come are still answered."""
        self._draining = True
        for listener in self._listeners:
            listener()

    async def close(self) -> None:
        """Hang up on all Executors."""
        self._deadlines.close()
        await asyncio.gather(*(door.close() for door in self._doors))
