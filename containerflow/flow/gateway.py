"""What is declared of the Gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from containerflow.flow.kinds import (
    JsonMapping,
    LimitedMilliseconds,
    LowerTexts,
    Memory,
    OnceEach,
    Ports,
    Text,
    Texts,
    Whole,
)
from containerflow.flow.options import Options


class GatewaySpec(Options):
    """The Gateway: its doors, and how it treats requests.

    Example:
        >>> GatewaySpec(protocol=["HTTP", "gRPC"], port=[8080, 50051]).protocol
        ('http', 'grpc')
    """

    SUBJECT: ClassVar[str] = "The Gateway"
    ALIASES: ClassVar[Mapping[str, str]] = {
        "ports": "port",
        "protocols": "protocol",
    }

    protocol: Annotated[tuple[Literal["http", "grpc", "websocket"], ...], LowerTexts, OnceEach] = (
        Field(default=(), description="What is spoken: http, grpc, or a list. Default grpc.")
    )
    port: Ports = Field(
        default=(),
        description="Published port of each protocol; 0 is a free one. Default 8080 for HTTP, "
        "50051 for gRPC.",
    )
    host: Text | None = Field(
        default=None,
        description="Address of the host to publish on. Default 127.0.0.1; 0.0.0.0 is all of them.",
    )
    cors: bool = Field(default=False, description="Answer browsers that come from other sites.")
    title: Text = Field(default="", description="Heading of the generated API page.")
    description: Text = Field(default="", description="Text below the heading.")
    docs: bool = Field(default=True, description="Serve /docs and /openapi.json over HTTP.")
    timeout_request: LimitedMilliseconds | None = Field(
        default=None,
        description="Deadline of a request whose caller names none, in milliseconds. "
        "Default 600000.",
    )
    max_request_size: Memory | None = Field(
        default=None,
        description="Largest body of a request, as `memory` is written; beyond it the caller gets "
        "413. Default 64M.",
    )
    uses: Text = Field(default="", description="A Gateway of one's own.")
    uses_with: JsonMapping = Field(default_factory=dict, description="Its keyword arguments.")
    py_modules: Texts = Field(default=(), description="Python files that it needs.")
    replicas: Annotated[Whole, Field(ge=1)] = Field(default=1, description="Containers of it.")
    workers: Annotated[Whole, Field(ge=1)] = Field(
        default=1, description="Processes in its container that share its ports."
    )
    prefetch: Annotated[Whole, Field(ge=0)] | None = Field(
        default=None, description="Requests of one stream that are taken before they are answered."
    )
    compression: Text | None = Field(default=None, description="Compression of gRPC messages.")
    grpc_server_options: JsonMapping = Field(default_factory=dict, description="Options of gRPC.")
    no_debug_endpoints: bool = Field(default=False, description="No endpoints for debugging.")
    no_crud_endpoints: bool = Field(default=False, description="No /index, /search and the like.")
    expose_endpoints: JsonMapping = Field(
        default_factory=dict, description="How endpoints look over HTTP, as a mapping by endpoint."
    )
    ssl_certfile: Text | None = Field(default=None, description="Certificate of the doors.")
    ssl_keyfile: Text | None = Field(default=None, description="Key of the certificate.")

    @model_validator(mode="before")
    @classmethod
    def _singular(cls, data: Any) -> Any:
        """`ports` and `protocols` are taken for `port` and `protocol`."""
        if not isinstance(data, dict) or not cls.ALIASES.keys() & data.keys():
            return data
        for plural, singular in cls.ALIASES.items():
            if plural in data and singular in data:
                raise ValueError(f"`{plural}` and `{singular}` are the same option, given twice")
        return {cls.ALIASES.get(key, key): value for key, value in data.items()}
