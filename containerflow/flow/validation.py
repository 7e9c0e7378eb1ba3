"""The declaration from keyword arguments, as the methods of a Flow take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from containerflow.flow.checking import refuse_unknown, validated
from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec

__all__ = ["declare_executor", "declare_flow", "declare_gateway"]

FLOW_OPTIONS = FlowSpec.model_fields.keys() - {"gateway", "executors"}
GATEWAY_OPTIONS = (GatewaySpec.model_fields.keys() | GatewaySpec.ALIASES.keys()) - FLOW_OPTIONS
"""Options of the Gateway that the Flow takes for it."""


def declare_executor(options: Mapping[str, Any]) -> ExecutorSpec:
    """An Executor from keyword arguments, as `Flow.add` takes them.

    Raises:
        UnknownKeyError: An option that Executors do not have.
        DefinitionError: A value that an option cannot have.

    Example:
        >>> declare_executor({"name": "encoder", "replicas": "2"}).replicas
        2
    """
    name = options.get("name")
    return validated(ExecutorSpec, options, f"Executor `{name}`" if name else "The new Executor")


def declare_gateway(options: Mapping[str, Any]) -> GatewaySpec:
    """The Gateway from keyword arguments, as `Flow.config_gateway` takes them.

    Raises:
        UnknownKeyError: An option that the Gateway does not have.
        DefinitionError: A value that an option cannot have.
    """
    return validated(GatewaySpec, options, "The Gateway")


def declare_flow(options: Mapping[str, Any]) -> FlowSpec:
    """A Flow without Executors from keyword arguments, as `Flow(...)` takes them.

    Options that only the Gateway has, such as `port` and `protocol`, are given to it.

    Raises:
        UnknownKeyError: An option that neither the Flow nor the Gateway has.
        DefinitionError: A value that an option cannot have.

    Example:
        >>> declare_flow({"name": "search", "protocol": "http"}).gateway.protocol
        ('http',)
    """
    refuse_unknown(options, FLOW_OPTIONS | GATEWAY_OPTIONS, "The Flow")
    of_gateway = {key: value for key, value in options.items() if key in GATEWAY_OPTIONS}
    of_flow = {key: value for key, value in options.items() if key not in GATEWAY_OPTIONS}
    gateway = validated(GatewaySpec, of_gateway, "The Gateway")
    return validated(FlowSpec, {**of_flow, "gateway": gateway}, "The Flow")
