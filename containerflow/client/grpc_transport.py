"""A Flow over gRPC."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from containerflow.client.address import Address
from containerflow.client.description import EndpointDescription, FlowDescription
from containerflow.client.transport import (
    GRACE_SECONDS,
    QUESTION_SECONDS,
    Answer,
    other_protocol,
    too_late,
    unreachable,
)
from containerflow.errors import Code, RequestError
from containerflow.wire import contract_pb2 as pb
from containerflow.wire import contract_pb2_grpc
from containerflow.wire.body import BINARY
from containerflow.wire.names import EXECUTORS_METADATA

T = TypeVar("T")

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # After a refused connection, gRPC by itself would wait up to two minutes to try again.
    ("grpc.max_reconnect_backoff_ms", 1000),
    # As over HTTP: a Flow is nearly always nearer than the proxy of the environment.
    ("grpc.enable_http_proxy", 0),
]


class GrpcTransport:
    """Speaks gRPC to one address.

    Args:
        address: Of the Gateway.
    """

    codec = BINARY

    def __init__(self, address: Address) -> None:
        self._address = address
        if address.tls:
            credentials = grpc.ssl_channel_credentials()  # type: ignore[no-untyped-call]
            self._channel = grpc.aio.secure_channel(address.target, credentials, options=_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(address.target, options=_OPTIONS)
        # The generated code carries no types.
        self._executor: Any = contract_pb2_grpc.ExecutorStub(self._channel)  # type: ignore[no-untyped-call]
        self._health: Any = health_pb2_grpc.HealthStub(self._channel)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()

    async def call(self, endpoint: str, body: bytes, request_id: str, timeout: float) -> Answer:
        """Call the contract's method; tensors travel as raw bytes."""
        request = pb.Request(
            request_id=request_id,
            endpoint=endpoint,
            timeout_ms=max(1, round(timeout * 1000)) if timeout else 0,
            accept=pb.CODEC_BINARY,
            parts=[pb.Part(codec=pb.CODEC_BINARY, body=body)],
        )
        response: pb.Response = await self._ask(
            self._executor.Call(request, timeout=timeout + GRACE_SECONDS if timeout else None),
            request_id,
            timeout,
        )
        if response.code != pb.CODE_OK:
            raise _error(response, request_id)
        return Answer(response.codec, response.body)

    async def is_ready(self) -> bool:
        """Ask the standard health service."""
        return await self._is_serving("")

    async def readiness(self) -> dict[str, bool]:
        """Ask the standard health service for each Executor."""
        names = (await self.describe()).executors
        return {name: await self._is_serving(name) for name in names}

    async def describe(self) -> FlowDescription:
        """Call the contract's method."""
        call = self._executor.Describe(pb.DescribeRequest(), timeout=QUESTION_SECONDS)
        description: pb.Description = await self._ask(call)
        metadata = dict(await call.initial_metadata())
        names = str(metadata.get(EXECUTORS_METADATA, ""))
        return FlowDescription(
            name=description.name,
            version=description.version,
            executors=tuple(name for name in names.split(",") if name),
            endpoints=tuple(
                EndpointDescription(
                    name=endpoint.name,
                    summary=endpoint.summary,
                    input_schema=_schema(endpoint.input_schema),
                    output_schema=_schema(endpoint.output_schema),
                    parameters_schema=_schema(endpoint.parameters_schema),
                )
                for endpoint in description.endpoints
            ),
        )

    async def _is_serving(self, service: str) -> bool:
        question = health_pb2.HealthCheckRequest(service=service)
        answer = await self._ask(self._health.Check(question, timeout=QUESTION_SECONDS))
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def _ask(self, call: Awaitable[T], request_id: str = "", timeout: float = 0.0) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise too_late(self._address, timeout or QUESTION_SECONDS, request_id) from error
            if "http1.x server" in (error.details() or ""):
                raise other_protocol(self._address, "http", request_id) from error
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                raise unreachable(self._address, error.details(), request_id) from error
            raise RequestError(
                f"The call to {self._address} ended with {error.code().name}: {error.details()}",
                code=_STATUSES.get(error.code(), Code.FAILED),
                request_id=request_id,
            ) from error


_STATUSES = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: Code.TOO_LARGE,
    grpc.StatusCode.CANCELLED: Code.CANCELLED,
    grpc.StatusCode.UNIMPLEMENTED: Code.NOT_FOUND,
}


def _error(response: pb.Response, request_id: str) -> RequestError:
    fault = response.failure
    name = pb.Code.Name(response.code).removeprefix("CODE_")
    return RequestError(
        fault.message,
        code=Code[name],
        executor=fault.executor,
        request_id=request_id,
        exception=fault.exception,
        detail=json.loads(fault.detail) if fault.detail else (),
    )


def _schema(text: bytes) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(text) if text else {}
    return schema
