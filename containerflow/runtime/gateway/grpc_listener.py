"""The gRPC port of a Gateway: the contract that Executors speak too, health and reflection."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from containerflow.runtime.gateway.described import flow_description
from containerflow.runtime.gateway.failure import failure, too_large
from containerflow.runtime.gateway.gateway import Gateway
from containerflow.runtime.gateway.request_id import is_acceptable, request_ids
from containerflow.wire import contract_pb2 as pb
from containerflow.wire import contract_pb2_grpc
from containerflow.wire.names import EXECUTORS_METADATA

logger = logging.getLogger(__name__)

_ENVELOPE_BYTES = 64 * 1024
"""What a message may have beside its body: a body just over the limit gets our own answer."""


class GrpcListener:
    """One gRPC port of a Gateway; made by `open_grpc`.

    Attributes:
        port: The port it listens on.
    """

    def __init__(
        self, server: grpc.aio.Server, port: int, health_task: asyncio.Task[None], drain: float
    ) -> None:
        self._server = server
        self._health_task = health_task
        self._drain = drain
        self.port = port

    async def close(self) -> None:
        """Take nothing new, finish what is in flight within `drain_seconds`, and hang up."""
        await self._server.stop(self._drain)
        self._health_task.cancel()
        await asyncio.gather(self._health_task, return_exceptions=True)


async def open_grpc(gateway: Gateway, port: int, *, host: str = "[::]") -> GrpcListener:
    """Serve a Gateway over gRPC.

    Args:
        gateway: Who answers.
        port: TCP port; 0 takes a free one.
        host: Address to listen on.

    Raises:
        OSError: The port cannot be had.
    """
    settings = gateway.settings
    limit = settings.max_body_bytes
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limit + _ENVELOPE_BYTES),
            ("grpc.max_send_message_length", -1),
            # A port that someone else holds must be an error, not half of the requests.
            ("grpc.so_reuseport", 0),
        ]
    )
    contract_pb2_grpc.add_ExecutorServicer_to_server(  # type: ignore[no-untyped-call]
        _Servicer(gateway), server
    )
    servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]
    health_pb2_grpc.add_HealthServicer_to_server(  # type: ignore[no-untyped-call]
        servicer, server
    )
    reflection.enable_server_reflection(  # type: ignore[no-untyped-call]
        (
            pb.DESCRIPTOR.services_by_name["Executor"].full_name,
            health.SERVICE_NAME,
            reflection.SERVICE_NAME,
        ),
        server,
    )
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"The gRPC port {port} cannot be had: {error}") from error
    await _tell_health(gateway, servicer)
    health_task = asyncio.create_task(_keep_health(gateway, servicer), name="gRPC health")
    await server.start()
    return GrpcListener(server, bound, health_task, settings.drain_seconds)


class _Servicer(contract_pb2_grpc.ExecutorServicer):
    """The contract's service, for a whole Flow."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._ids = request_ids()

    async def Call(  # noqa: N802 - named by the contract
        self, request: pb.Request, context: grpc.aio.ServicerContext[pb.Request, pb.Response]
    ) -> pb.Response:
        request_id = request.request_id
        if not request_id or not is_acceptable(request_id):
            request_id = next(self._ids)
        response = await self._answer(request, request_id, context)
        response.id = request.id
        return response

    async def _answer(
        self,
        request: pb.Request,
        request_id: str,
        context: grpc.aio.ServicerContext[pb.Request, pb.Response],
    ) -> pb.Response:
        limit = self._gateway.settings.max_body_bytes
        size = sum(len(part.body) for part in request.parts)
        if size > limit:
            return too_large(limit)
        times = [request.timeout_ms / 1000] if request.timeout_ms else []
        remaining = context.time_remaining()
        if remaining is not None:
            times.append(max(remaining, 0.001))
        try:
            return await self._gateway.call(
                request.endpoint,
                request.parts or (pb.Part(codec=pb.CODEC_JSON),),
                accept=request.accept or pb.CODEC_JSON,
                request_id=request_id,
                timeout=min(times, default=0.0),
                joined=request.joined,
                size=size,
            )
        except Exception:
            logger.exception(
                "Request %s to %s failed in the Gateway.", request_id, request.endpoint
            )
            return failure(
                pb.CODE_FAILED, "The Gateway failed; its log has the request's id and the reason."
            )

    async def Describe(  # noqa: N802 - named by the contract
        self, _request: pb.DescribeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.Description:
        names = ",".join(node.name for node in self._gateway.settings.nodes)
        await context.send_initial_metadata([(EXECUTORS_METADATA, names)])
        return flow_description(self._gateway)


async def _keep_health(gateway: Gateway, servicer: Any) -> None:
    changed = asyncio.Event()
    gateway.on_change(changed.set)
    while True:
        await changed.wait()
        changed.clear()
        await _tell_health(gateway, servicer)


async def _tell_health(gateway: Gateway, servicer: Any) -> None:
    states = {"": gateway.is_ready(), **gateway.is_serving()}
    for service, serving in states.items():
        await servicer.set(
            service,
            health_pb2.HealthCheckResponse.SERVING
            if serving
            else health_pb2.HealthCheckResponse.NOT_SERVING,
        )
