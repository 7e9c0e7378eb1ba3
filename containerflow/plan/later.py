"""Options that Flows may declare and that this version does not run: said, never passed over."""

from __future__ import annotations

from containerflow.errors import PlanError
from containerflow.flow.options import Options
from containerflow.flow.spec import FlowSpec

OF_ALL = (
    "log_config",
    "reload",
    "monitoring",
    "port_monitoring",
    "tracing",
    "traces_exporter_host",
    "traces_exporter_port",
    "metrics",
    "metrics_exporter_host",
    "metrics_exporter_port",
)
OF_FLOW = ("inspect",)
OF_GATEWAY = (
    "uses",
    "uses_with",
    "py_modules",
    "replicas",
    "workers",
    "prefetch",
    "compression",
    "grpc_server_options",
    "no_debug_endpoints",
    "no_crud_endpoints",
    "expose_endpoints",
    "ssl_certfile",
    "ssl_keyfile",
)
OF_EXECUTOR = (
    "uses_dynamic_batching",
    "install_requirements",
    "method",
    "when",
    "floating",
    "no_reduce",
    "shards",
    "polling",
    "docker_kwargs",
    "exit_on_exceptions",
    "output_array_type",
    "env_from_secret",
    "image_pull_secrets",
    "external",
    "host",
    "port",
    "tls",
    "grpc_metadata",
)

_REMEDIES = {
    "docker_kwargs": "Use `memory`, `cpus`, `gpus`, `volumes`, `env` or `entrypoint`.",
    "install_requirements": "Requirements are always installed, while the image is built.",
    "env_from_secret": "Use `env`, and ${{ ENV.X }} in it.",
    "image_pull_secrets": "Log in to the registry, or pull the image beforehand.",
    "monitoring": "Each container serves /metrics on its admin port, inside the Flow's network.",
    "port_monitoring": "Metrics are on the admin port of each container.",
    "host": "Only external Executors have hosts; publish the Gateway with its own `host`.",
    "port": "Only external Executors have ports; give the Gateway a `port` instead.",
    "when": "Have the Executor pick its documents.",
    "replicas": "One Gateway with more `cpus` serves more.",
}


def refuse_later(spec: FlowSpec) -> None:
    """Raise where a Flow uses what this version does not run.

    Raises:
        PlanError: It does; the message names the option and whose it is.
    """
    _refuse(spec, (*OF_ALL, *OF_FLOW), "The Flow")
    _refuse(spec.gateway, (*OF_ALL, *OF_GATEWAY), "The Gateway")
    if "websocket" in spec.gateway.protocol:
        raise _error("The Gateway", "protocol: websocket", "Use http or grpc.")
    for executor in spec.executors:
        _refuse(executor, (*OF_ALL, *OF_EXECUTOR), f"Executor `{executor.name}`")


def _refuse(options: Options, names: tuple[str, ...], subject: str) -> None:
    fields = type(options).model_fields
    for name in names:
        value = getattr(options, name)
        if value != fields[name].get_default(call_default_factory=True):
            option = f"method: {value}" if name == "method" else name
            raise _error(subject, option, _REMEDIES.get(name, "Leave it out."))


def _error(subject: str, option: str, remedy: str) -> PlanError:
    return PlanError(
        f"{subject} has `{option}`, which this version of containerflow does not run yet.",
        remedy=remedy,
    )
