"""What is declared of one Executor."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from containerflow.flow.kinds import (
    Argv,
    Endpoints,
    GpuRequest,
    JsonMapping,
    NameOrNone,
    Names,
    Ports,
    Text,
    Texts,
    Whole,
)
from containerflow.flow.options import Options

_INLINE_KEYS = {"jtype", "with", "metas", "requests", "py_modules"}


class ExecutorSpec(Options):
    """One Executor: where its code is, what it needs, how it runs.

    Example:
        >>> ExecutorSpec(uses="docker://acme/encoder", replicas=2).needs is None
        True
    """

    SUBJECT: ClassVar[str] = "The Executor"

    name: NameOrNone = Field(
        default="",
        description="Name of the Executor. Default executor0, executor1, ... by its place.",
    )
    uses: Text = Field(
        default="",
        description="Where the code is: a directory, the YAML file in it, docker://image[:tag], "
        "module.Class, or the name of a class in the first of `py_modules`. "
        "Default: an Executor that changes nothing.",
    )
    uses_with: JsonMapping = Field(
        default_factory=dict, description="Keyword arguments of the class."
    )
    uses_metas: JsonMapping = Field(
        default_factory=dict, description="Wins over `metas` of the Executor's config.yml."
    )
    uses_requests: Endpoints = Field(
        default_factory=dict, description="Endpoint to method name; wins over @requests."
    )
    uses_dynamic_batching: JsonMapping = Field(
        default_factory=dict, description="Batching by endpoint."
    )
    py_modules: Texts = Field(
        default=(),
        description="Python files to import before the class is looked up. Where `uses` is the "
        "name of a class, the first of them defines it.",
    )
    install_requirements: bool = Field(
        default=True, description="Install requirements.txt while the image is built."
    )
    needs: Names | None = Field(
        default=None,
        description="Executors whose answers it takes, or `gateway`. Default: the one before it.",
    )
    method: Literal["add", "needs", "needs_all", "inspect"] = Field(
        default="add",
        description="How it joins the Flow: `needs` wants several `needs`, `needs_all` joins all "
        "that nobody needs yet, `inspect` stands beside the Flow.",
    )
    when: JsonMapping = Field(default_factory=dict, description="Only documents that match.")
    floating: bool = Field(default=False, description="Nobody waits for it.")
    no_reduce: bool = Field(default=False, description="Take the parts of a join as they are.")
    replicas: Annotated[Whole, Field(ge=1)] = Field(
        default=1, description="Containers of it that share the load."
    )
    shards: Annotated[Whole, Field(ge=1)] = Field(
        default=1, description="Parts that its data is cut into."
    )
    polling: Text | JsonMapping = Field(
        default="ANY", description="Shards that a request goes to: ANY, ALL, or by endpoint."
    )
    volumes: Texts = Field(
        default=(),
        description="`name:/path[:ro]` mounts a named volume, `./directory:/path[:ro]` a directory "
        "of the host (relative to the Flow's), `/path` a volume of the Executor's own. Volumes "
        "outlive the Flow.",
    )
    workspace: Text | None = Field(
        default=None,
        description="Absolute path in the container that `self.workspace` lies under. "
        "Default /workspace.",
    )
    gpus: GpuRequest = Field(
        default=None, description="GPUs: all, a number, a list of devices, or device=0,1."
    )
    entrypoint: Argv = Field(
        default=(), description="Program and arguments to run instead of containerflow's own."
    )
    docker_kwargs: JsonMapping = Field(
        default_factory=dict, description="Further arguments for the Docker SDK."
    )
    allow_concurrent: bool | None = Field(
        default=None,
        description="Let handlers that are not async run in several threads at once. "
        "Default false.",
    )
    exit_on_exceptions: Texts = Field(
        default=(), description="Exceptions of a handler that end the container."
    )
    output_array_type: Text | None = Field(default=None, description="Type of arrays in answers.")
    env_from_secret: JsonMapping = Field(
        default_factory=dict, description="Environment variables out of secrets."
    )
    image_pull_secrets: Texts = Field(default=(), description="Secrets to pull the image with.")
    external: bool = Field(default=False, description="It runs elsewhere; `host` says where.")
    host: Texts = Field(default=(), description="Hosts of an external Executor.")
    port: Ports = Field(default=(), description="Ports of an external Executor.")
    tls: bool = Field(default=False, description="Speak TLS with an external Executor.")
    grpc_metadata: dict[Text, Text] = Field(
        default_factory=dict, description="Metadata of calls to an external Executor."
    )

    @model_validator(mode="before")
    @classmethod
    def _unfold_inline_uses(cls, data: Any) -> Any:
        """`uses` may be what would stand in a config.yml: {jtype: Class, with: {...}, ...}."""
        if not isinstance(data, dict) or not isinstance(data.get("uses"), dict):
            return data
        inline: dict[str, Any] = dict(data["uses"])
        unknown = sorted(str(key) for key in inline.keys() - _INLINE_KEYS)
        if unknown or not isinstance(inline.get("jtype"), str):
            known = ", ".join(sorted(_INLINE_KEYS))
            fault = f"has the unknown key {unknown[0]!r}" if unknown else "names no class"
            raise ValueError(f"`uses` as a mapping {fault}; jtype is the class, known are {known}")
        unfolded = {**data, "uses": inline["jtype"]}
        for key, option in (("with", "uses_with"), ("requests", "uses_requests")):
            unfolded[option] = {**(inline.get(key) or {}), **(data.get(option) or {})}
        metas = {**(inline.get("metas") or {}), **(data.get("uses_metas") or {})}
        modules = metas.pop("py_modules", inline.get("py_modules", ()))
        unfolded["uses_metas"] = metas
        unfolded.setdefault("py_modules", modules)
        return unfolded

    @model_validator(mode="after")
    def _needs_suit_method(self) -> Self:
        if self.method == "needs" and len(self.needs or ()) < 2:
            raise ValueError("`method: needs` joins several Executors, and `needs` names fewer")
        if self.method == "needs_all" and self.needs is not None:
            raise ValueError("`method: needs_all` finds out by itself what it needs")
        return self
