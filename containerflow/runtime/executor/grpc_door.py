"""The gRPC door of an Executor: the contract's service, health and reflection."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast
from uuid import uuid4

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from containerflow.runtime.executor.service import Job, Service
from containerflow.wire import contract_pb2 as pb

__all__ = ["GrpcDoor", "open_grpc"]

_SERVICE = pb.DESCRIPTOR.services_by_name["Executor"].full_name
_OPTIONS = [
    # Bodies are bounded where they enter the Flow, at the Gateway; tensors are large.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A second process on the port must fail, not share it in silence.
    ("grpc.so_reuseport", 0),
]
_GUARD_SECONDS = 2.0

_logger = logging.getLogger(__name__)


class GrpcDoor:
    """A running gRPC door; made by `open_grpc`."""

    def __init__(self, server: Any, port: int, servicer: Any, name: str) -> None:
        self._server = server
        self._health = servicer
        self._name = name
        self.port = port

    async def drain(self, seconds: float) -> None:
        """Take nothing new, finish what is in flight within `seconds`, and hang up."""
        for service in ("", self._name, _SERVICE):
            await self._health.set(service, health_pb2.HealthCheckResponse.NOT_SERVING)
        try:
            # grpc.aio is known to wait for ever here when calls end at the wrong moment.
            async with asyncio.timeout(seconds + _GUARD_SECONDS):
                await self._server.stop(seconds)
        except TimeoutError:
            _logger.warning("gRPC did not stop within %.1f s and is left behind.", seconds)


async def open_grpc(service: Service, name: str, port: int, host: str = "0.0.0.0") -> GrpcDoor:
    """Serve the contract over gRPC.

    Args:
        service: Who answers.
        name: The Executor's name: health answers for it, for the contract's service and for "".
        port: TCP port; 0 takes a free one.
        host: Address to listen on.

    Raises:
        OSError: The port cannot be had.
    """
    server = grpc.aio.server(options=_OPTIONS)
    servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    names = (
        _SERVICE,
        health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
        reflection.SERVICE_NAME,
    )
    reflection.enable_server_reflection(names, server)  # type: ignore[no-untyped-call]
    server.add_generic_rpc_handlers((_handlers(service),))
    try:
        taken = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"gRPC cannot listen on {host}:{port}: {error}") from error
    await server.start()
    for known in ("", name, _SERVICE):
        await servicer.set(known, health_pb2.HealthCheckResponse.SERVING)
    return GrpcDoor(server, taken, servicer, name)


def _handlers(service: Service) -> grpc.GenericRpcHandler:
    async def call(request: pb.Request, context: Any) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def deliver(_: Job, payload: bytes) -> None:
            if not answer.done():
                answer.set_result(payload)

        if not request.request_id:
            request.request_id = uuid4().hex
        left = context.time_remaining()
        if left is not None:
            milliseconds = max(1, int(left * 1000))
            request.timeout_ms = min(request.timeout_ms or milliseconds, milliseconds)
        job = Job(request, deliver)
        service.submit([job])
        try:
            return await answer
        except asyncio.CancelledError:
            service.cancel(job)
            raise

    async def describe(_request: pb.DescribeRequest, _context: Any) -> pb.Description:
        return service.catalogue.description

    # Not the generated registration: answers come as bytes already, made in the worker thread.
    unary = grpc.unary_unary_rpc_method_handler
    methods = {
        "Call": unary(call, pb.Request.FromString),  # type: ignore[no-untyped-call]
        "Describe": unary(  # type: ignore[no-untyped-call]
            describe, pb.DescribeRequest.FromString, pb.Description.SerializeToString
        ),
    }
    handler = grpc.method_handlers_generic_handler(  # type: ignore[no-untyped-call]
        _SERVICE, methods
    )
    return cast(grpc.GenericRpcHandler, handler)
