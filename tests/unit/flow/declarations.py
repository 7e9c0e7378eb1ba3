"""Hypothesis strategies for declarations: every option, with values that YAML finds hard."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec

HARD_TEXTS = [
    "",
    " ",
    "${{ ENV.HOME }}",
    "$${{ x }}",
    "a $$$${{b}} ${{",
    "$",
    "{{ x }}",
    "yes",
    "on",
    "null",
    "~",
    "true",
    "1",
    "007",
    "1.10",
    "1e3",
    "-.inf",
    ".nan",
    "0x10",
    "0o17",
    "0b1",
    "1_000",
    "12:30",
    "2024-01-01",
    "- a",
    "a: b",
    "a #b",
    "# a",
    "'",
    '"',
    "|",
    ">",
    "<<",
    "=",
    "!tag",
    "&a",
    "*a",
    "%",
    "@",
    "`",
    "---",
    "...",
    "? a",
    "[a",
    "{a",
    "a\nb",
    "a\n\n",
    "\na",
    "\ta",
    "a\r\nb",
    " a ",
    "\x07",
    "\x85",
    "\u2028",
    "\ufeff",
    "\uffff",
    "größe",
    "😀",
]


def texts(min_size: int = 0) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    hard = [text for text in HARD_TEXTS if len(text) >= min_size]
    return st.sampled_from(hard) | st.text(characters, min_size=min_size, max_size=20)


def plain_values() -> st.SearchStrategy[Any]:
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | texts()
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=6,
    )


def mappings() -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(texts(), plain_values(), max_size=3)


def lists(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=3, unique=True).map(tuple)


NAMES = st.from_regex(r"[A-Za-z]([A-Za-z0-9_-]{0,8}[A-Za-z0-9])?", fullmatch=True)
MILLISECONDS = st.just(-1) | st.integers(1, 2**31 - 1)
LIMITED = st.integers(1, 2**31 - 1)
COUNTS = st.integers(1, 9)
PORTS = st.integers(0, 65535)
MEMORY = st.sampled_from(["512M", "1.5 GiB", "2g", "10kb", "0", "1T"]) | st.integers(0, 2**40)
VARIABLES = st.dictionaries(
    st.from_regex(r"[A-Za-z_.-][A-Za-z0-9_.-]{0,8}", fullmatch=True), texts(), max_size=3
)

COMMON: dict[str, st.SearchStrategy[Any]] = {
    "env": VARIABLES,
    "timeout_ready": MILLISECONDS,
    "timeout_send": MILLISECONDS,
    "timeout_ctrl": LIMITED,
    "retries": st.integers(-1, 99),
    "memory": MEMORY,
    "cpus": st.floats(0, 512),
    "max_pending": COUNTS,
    "log_level": st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
    "quiet": st.booleans(),
    "log_config": texts(),
    "transport": st.sampled_from(["lane", "grpc"]),
    "reload": st.booleans(),
    "monitoring": st.booleans(),
    "port_monitoring": PORTS,
    "tracing": st.booleans(),
    "traces_exporter_host": texts(),
    "traces_exporter_port": PORTS,
    "metrics": st.booleans(),
    "metrics_exporter_host": texts(),
    "metrics_exporter_port": PORTS,
}
OF_EXECUTOR = COMMON | {
    "uses": texts(),
    "uses_with": mappings(),
    "uses_metas": mappings(),
    "uses_requests": st.dictionaries(texts().map("/{}".format), texts(), max_size=2),
    "uses_dynamic_batching": mappings(),
    "py_modules": lists(texts()),
    "install_requirements": st.booleans(),
    "when": mappings(),
    "no_reduce": st.booleans(),
    "replicas": COUNTS,
    "shards": COUNTS,
    "polling": texts() | mappings(),
    "volumes": lists(texts()),
    "workspace": texts(),
    "gpus": st.sampled_from(["all", "0", "3", "device=0,1", "device=GPU-1"]),
    "entrypoint": lists(texts()),
    "docker_kwargs": mappings(),
    "allow_concurrent": st.booleans(),
    "exit_on_exceptions": lists(texts()),
    "output_array_type": texts(),
    "env_from_secret": mappings(),
    "image_pull_secrets": lists(texts()),
    "external": st.booleans(),
    "host": lists(texts()),
    "port": lists(PORTS),
    "tls": st.booleans(),
    "grpc_metadata": st.dictionaries(texts(), texts(), max_size=2),
}
OF_GATEWAY = COMMON | {
    "protocol": lists(st.sampled_from(["http", "grpc", "websocket"])),
    "port": lists(PORTS),
    "host": texts(),
    "cors": st.booleans(),
    "title": texts(),
    "description": texts(),
    "docs": st.booleans(),
    "timeout_request": LIMITED,
    "max_request_size": MEMORY,
    "uses": texts(),
    "uses_with": mappings(),
    "py_modules": lists(texts()),
    "replicas": COUNTS,
    "workers": COUNTS,
    "prefetch": COUNTS,
    "compression": texts(),
    "grpc_server_options": mappings(),
    "no_debug_endpoints": st.booleans(),
    "no_crud_endpoints": st.booleans(),
    "expose_endpoints": mappings(),
    "ssl_certfile": texts(),
    "ssl_keyfile": texts(),
}
OF_FLOW = COMMON | {
    "name": NAMES,
    "workspace": texts(),
    "allow_concurrent": st.booleans(),
    "inspect": st.sampled_from(["COLLECT", "HANG", "REMOVE"]),
}
BY_GRAPH = {"name", "needs", "method", "floating"}
"""Options of an Executor that `flows` draws with its neighbours in view."""


def options(of: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the options: few at a time, so that what fails is small."""
    return st.lists(st.sampled_from(sorted(of)), max_size=5, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: of[name] for name in names})
    )


@st.composite
def flows(draw: st.DrawFn, max_executors: int = 4) -> FlowSpec:
    """Flows whose graph can be: each Executor needs some of those before it."""
    executors: list[ExecutorSpec] = []
    names = ["gateway"]
    for name in draw(st.lists(NAMES, max_size=max_executors, unique_by=str.lower)):
        if name == "gateway" or name.lower().startswith("executor"):
            continue
        drawn = draw(options(OF_EXECUTOR))
        needs = draw(
            st.none() | st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
        )
        method = draw(st.sampled_from(["add", "inspect"]))
        is_named = draw(st.booleans())
        executors.append(
            ExecutorSpec(
                **drawn,
                name=name if is_named else "",
                needs=needs,
                method=method,
                floating=draw(st.booleans()),
            )
        )
        names.append(name if is_named else f"executor{len(executors) - 1}")
    return FlowSpec(
        **draw(options(OF_FLOW)),
        gateway=GatewaySpec(**draw(options(OF_GATEWAY))),
        executors=tuple(executors),
    )
