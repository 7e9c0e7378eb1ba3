"""The lane's end in an Executor: frames in, jobs to the service, answers out."""

from __future__ import annotations

import asyncio
import logging
from uuid import uuid4

from google.protobuf.message import DecodeError

from containerflow.runtime.executor.service import Job, Service
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.lane import KEEP_ALIVE_SECONDS, VERSION, Frame, Kind, Lane

__all__ = ["LaneDoor"]

_logger = logging.getLogger(__name__)


class LaneDoor:
    """The lane's port. Connections are taken at once, and welcomed when the Executor is ready.

    Args:
        keep_alive: Seconds of silence after which a peer is pinged.
    """

    def __init__(self, *, keep_alive: float = KEEP_ALIVE_SECONDS) -> None:
        self.keep_alive = keep_alive
        self.service: Service | None = None
        self.lanes: set[_ExecutorLane] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int, host: str = "0.0.0.0") -> int:
        """Listen; returns the port, which is another one where `port` is 0.

        Raises:
            OSError: The port cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _ExecutorLane(self), host, port)
        taken: int = self._server.sockets[0].getsockname()[1]
        return taken

    def ready(self, service: Service) -> None:
        """Welcome those who wait, and whoever comes."""
        self.service = service
        for lane in self.lanes:
            lane.welcome(service)

    def drain(self) -> None:
        """Take no new connection, and tell the open ones that the end is near."""
        if self._server is not None:
            self._server.close()
        for lane in self.lanes:
            lane.send(Kind.DRAINING)

    def close(self) -> None:
        """Send what is queued, then hang up on everyone."""
        if self._server is not None:
            self._server.close()
        for lane in tuple(self.lanes):
            lane.close()


class _ExecutorLane(Lane):
    """One connection of a Gateway's."""

    def __init__(self, door: LaneDoor) -> None:
        super().__init__(keep_alive=door.keep_alive)
        self._door = door
        self._greeted = False
        self._welcomed = False
        self._jobs: dict[int, Job] = {}

    def opened(self) -> None:
        """The connection stands; the Gateway speaks first."""
        self._door.lanes.add(self)

    def closed(self, error: Exception | None) -> None:
        """The Gateway is gone: nobody waits for the answers."""
        self._door.lanes.discard(self)
        if error is not None:
            _logger.warning("A lane broke: %s", error)
        service = self._door.service
        jobs, self._jobs = self._jobs, {}
        if service is not None:
            for job in jobs.values():
                service.cancel(job)

    def writable(self, ready: bool) -> None:
        """A Gateway that does not fetch its answers may not ask for more."""
        self.hold_reading(not ready)

    def received(self, frames: list[Frame]) -> None:
        """What one read brought; its requests go to the service together."""
        jobs: list[Job] = []
        try:
            for kind, payload in frames:
                if kind == Kind.REQUEST:
                    if not self._welcomed:
                        self._hang_up("sent a request before it was welcomed")
                        return
                    request = pb.Request.FromString(payload)
                    if not request.request_id:
                        request.request_id = uuid4().hex
                    job = Job(request, self._answer)
                    self._jobs[request.id] = job
                    jobs.append(job)
                elif kind == Kind.CANCEL:
                    # Those of this very read are submitted first, so that they can be found.
                    self._submit(jobs)
                    jobs = []
                    self._cancel(pb.Cancel.FromString(payload))
                elif kind == Kind.HELLO:
                    self._hello(pb.Hello.FromString(payload))
        except DecodeError as error:
            self._hang_up(f"sent what is not a message of the contract ({error})")
            return
        self._submit(jobs)

    def welcome(self, service: Service) -> None:
        """Tell the Gateway what there is, once both it has said hello and the service is ready."""
        if self._greeted and not self._welcomed and self.is_open:
            self._welcomed = True
            description = service.catalogue.description
            message = pb.Welcome(version=VERSION, description=description)
            self.send(Kind.WELCOME, message.SerializeToString())
            if service.is_draining:
                self.send(Kind.DRAINING)

    def _hello(self, hello: pb.Hello) -> None:
        if hello.version != VERSION:
            self.send(Kind.WELCOME, pb.Welcome(version=VERSION).SerializeToString())
            self._hang_up(
                f"speaks version {hello.version} of the lane, this Executor version {VERSION}; "
                "build both images with one containerflow"
            )
            return
        self._greeted = True
        if self._door.service is not None:
            self.welcome(self._door.service)

    def _submit(self, jobs: list[Job]) -> None:
        if jobs and self._door.service is not None:
            self._door.service.submit(jobs)

    def _answer(self, job: Job, payload: bytes) -> None:
        if self._jobs.pop(job.request.id, None) is not None:
            self.send(Kind.RESPONSE, payload)

    def _cancel(self, cancel: pb.Cancel) -> None:
        for number in cancel.ids:
            job = self._jobs.pop(number, None)
            if job is not None and self._door.service is not None:
                self._door.service.cancel(job)

    def _hang_up(self, why: str) -> None:
        _logger.error("Refused a lane: the peer %s.", why)
        self.close()
