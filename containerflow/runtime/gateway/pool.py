"""All replicas of one Executor behind one door: found by DNS, kept connected, evenly loaded.

Which calls are tried again: one that never left the Gateway (no replica was connected, or the
connection was gone when its turn came), and one that a replica turned away unread (it says
`refused`; or OVERLOADED, or UNAVAILABLE while it drains). A call whose connection broke after it
was written is not: the replica may have carried it out, and only the caller knows whether twice is
harmless.

A replica that reads too slowly is passed over. Where all do, a call waits for one to catch up, and
is answered OVERLOADED in the end rather than kept in this process' memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from containerflow.runtime.gateway.door import (
    Address,
    Connect,
    NotTakenError,
    Replica,
    Resolve,
)
from containerflow.runtime.gateway.failure import failure
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.settings import NodeSettings

logger = logging.getLogger(__name__)

EAGER_SECONDS = 0.02
"""Between two attempts while the Flow starts, when each attempt may be the one that succeeds."""

EAGER_FOR_SECONDS = 60.0
"""A Flow that has not come up by then is asked less often."""

RESOLVE_SECONDS = 2.0
"""Between two looks for replicas that are new."""

LONGEST_BACK_OFF_SECONDS = 1.0
"""Between two attempts to reach a replica that has been lost."""

WAIT_SECONDS = 0.5
"""How long one try of a call waits for a replica while none is connected, or none has room."""


class Pool:
    """A Door made of replicas.

    Args:
        node: The Executor, as declared.
        connect: Opens a connection to one replica.
        resolve: Finds the addresses of all replicas.
        changed: Called when a replica comes, drains or goes.
    """

    def __init__(
        self,
        node: NodeSettings,
        *,
        connect: Connect,
        resolve: Resolve,
        changed: Callable[[], None],
    ) -> None:
        self._node = node
        self._connect = connect
        self._resolve = resolve
        self._notify = changed
        self._tries = 1 + (node.retries if node.retries >= 0 else max(3, node.replicas))
        self._timeout = node.timeout_ms / 1000
        self._replicas: list[Replica] = []
        self._ready: list[Replica] = []
        self._turn = 0
        self._listed: frozenset[Address] = frozenset()
        self._keepers: dict[Address, asyncio.Task[None]] = {}
        self._description: pb.Description | None = None
        self._eager_until = asyncio.get_running_loop().time() + EAGER_FOR_SECONDS
        self._look_again = asyncio.Event()
        self._some_room = asyncio.Event()
        self._closed = False
        self._watcher = asyncio.create_task(self._watch(), name=f"find replicas of {node.name}")

    @property
    def description(self) -> pb.Description | None:
        """What the Executor serves; None until a replica has said so."""
        return self._description

    @property
    def declared(self) -> int:
        """How many replicas there should be."""
        return self._node.replicas

    @property
    def ready(self) -> int:
        """How many replicas take requests now."""
        return len(self._ready)

    async def close(self) -> None:
        """Hang up on all replicas."""
        self._closed = True
        tasks = [self._watcher, *self._keepers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for replica in self._replicas:
            replica.close()

    async def call(self, request: pb.Request) -> pb.Response:
        """Send a request to the replica with the least to do and wait for its answer.

        Args:
            request: What to send; `timeout_ms` is lowered to the Executor's own limit.

        Returns:
            The replica's answer; UNAVAILABLE where there is no replica, OVERLOADED where none has
            room, DEADLINE_EXCEEDED where the Executor's own time ran out.
        """
        if not self._timeout:
            return await self._call(request)
        limit = self._node.timeout_ms
        request.timeout_ms = min(request.timeout_ms or limit, limit)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._call(request)
        except TimeoutError:
            return failure(
                pb.CODE_DEADLINE_EXCEEDED,
                f"Executor {self._node.name!r} did not answer within its {limit} ms."
                " Raise its timeout, or give it less to do at once.",
                executor=self._node.name,
            )

    async def _call(self, request: pb.Request) -> pb.Response:
        refused: list[Replica] = []
        refusal: pb.Response | None = None
        for left in reversed(range(self._tries)):
            replica = self._choose(refused)
            if replica is None:
                if not left or (refusal is not None and not self._may_make_room(refused)):
                    break
                refused.clear()
                await self._wait_for_replica()
                continue
            try:
                response = await replica.call(request)
            except NotTakenError as error:
                refused.append(replica)
                refusal = error.response or refusal
                continue
            return self._named(response) if response.code != pb.CODE_OK else response
        return self._named(refusal or self._nobody())

    def _named(self, response: pb.Response) -> pb.Response:
        if not response.failure.executor:
            response.failure.executor = self._node.name
        return response

    def _nobody(self) -> pb.Response:
        if self._ready:
            return failure(
                pb.CODE_OVERLOADED,
                f"Every replica of Executor {self._node.name!r} reads its requests more slowly than"
                " they come. Try again later, or add replicas.",
                refused=True,
            )
        return failure(
            pb.CODE_UNAVAILABLE,
            f"No replica of Executor {self._node.name!r} is connected ({self._node.replicas}"
            f" declared, looked for at {self._node.host}:{self._node.port}). Its log may say why.",
            refused=True,
        )

    def _choose(self, refused: list[Replica]) -> Replica | None:
        ready = self._ready
        if len(ready) == 1 and not refused:
            return ready[0] if ready[0].has_room else None
        # Starting one further each time shares the work out where all have equally little to do.
        self._turn += 1
        count = len(ready)
        best: Replica | None = None
        for offset in range(count):
            replica = ready[(self._turn + offset) % count]
            if (
                replica.has_room
                and replica not in refused
                and (best is None or replica.outstanding < best.outstanding)
            ):
                best = replica
        return best

    def _may_make_room(self, refused: list[Replica]) -> bool:
        return any(replica.is_ready and replica not in refused for replica in self._ready)

    async def _wait_for_replica(self) -> None:
        # A connection that is being closed, or a lane that fills up, has not told of it yet.
        self._changed()
        if not self._ready:
            self._look_again.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                await self._some_room.wait()

    def _changed(self) -> None:
        before = self._ready
        self._ready = [replica for replica in self._replicas if replica.is_ready]
        if any(replica.has_room for replica in self._ready):
            self._some_room.set()
        else:
            self._some_room.clear()
        if len(self._ready) >= self._node.replicas:
            self._eager_until = 0.0
        if self._ready != before:
            self._notify()

    @property
    def _is_eager(self) -> bool:
        return asyncio.get_running_loop().time() < self._eager_until

    async def _watch(self) -> None:
        """Look for new replicas for as long as the pool lives."""
        while True:
            self._listed = await self._resolve(self._node.host, self._node.port)
            for address in self._listed - self._keepers.keys():
                self._keepers[address] = asyncio.create_task(
                    self._keep(address), name=f"keep {self._node.name} at {address}"
                )
            self._look_again.clear()
            missing = len(self._listed) < self._node.replicas
            pause = EAGER_SECONDS if missing and self._is_eager else RESOLVE_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._look_again.wait()

    async def _keep(self, address: Address) -> None:
        """Keep one replica connected for as long as DNS names its address."""
        pause = EAGER_SECONDS
        complaint = ""
        try:
            while address in self._listed:
                try:
                    replica = await self._connect(address, self._changed)
                except (OSError, TimeoutError) as error:
                    if str(error) != complaint:
                        complaint = str(error)
                        logger.debug("%s at %s: %s", self._node.name, address, complaint)
                    replica = None
                if replica is not None and (stranger := self._stranger(replica)):
                    replica.close()
                    if stranger != complaint:
                        complaint = stranger
                        logger.warning("Not connected to %s: %s", address, complaint)
                elif replica is not None:
                    pause, complaint = EAGER_SECONDS, ""
                    await self._hold(replica, address)
                    self._look_again.set()
                await asyncio.sleep(pause)
                if not self._is_eager:
                    pause = min(2 * pause, LONGEST_BACK_OFF_SECONDS)
        finally:
            del self._keepers[address]

    def _stranger(self, replica: Replica) -> str:
        """Why a replica is none of this Executor's; empty if it is, or does not name itself.

        After a crash, one container may get the address that DNS still gives for another.
        """
        name = replica.description.name
        if not name or name == self._node.name:
            return ""
        return f"expected Executor {self._node.name!r}, and {name!r} answers there."

    async def _hold(self, replica: Replica, address: Address) -> None:
        logger.info("Connected to %s at %s.", self._node.name, address)
        self._replicas.append(replica)
        self._description = replica.description
        self._changed()
        try:
            await replica.gone()
        finally:
            if not self._closed:
                self._replicas.remove(replica)
                self._changed()
                logger.warning("Lost %s at %s.", self._node.name, address)
