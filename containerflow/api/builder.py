"""How a Flow is put together in Python."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from containerflow.errors import DefinitionError, UnknownNameError

if TYPE_CHECKING:
    from containerflow.flow.spec import FlowSpec
    from containerflow.plan.model import Plan

__all__ = ["Builder"]


class Builder:
    """The declaring half of `Flow`.

    Every method returns a new Flow and leaves the old one as it is; with `copy_flow=False` it
    changes the Flow in place and returns that.

    Args:
        spec: What is declared so far.
        root: The directory that relative paths count from.
        texts: Sources of classes that are in no file, by the name that `py_modules` gives them.
    """

    def __init__(self, spec: FlowSpec, root: Path, texts: Mapping[str, str]) -> None:
        self._spec = spec
        self._root = root
        self._texts = texts

    @property
    def spec(self) -> FlowSpec:
        """What is declared, as a frozen model."""
        return self._spec

    @property
    def name(self) -> str:
        """The Flow's name."""
        return self._spec.name

    def add(
        self,
        *,
        name: str | None = None,
        uses: str | type | Mapping[str, Any] | None = None,
        needs: str | Sequence[str] | None = None,
        replicas: int | None = None,
        env: Mapping[str, str] | None = None,
        volumes: str | Sequence[str] | None = None,
        uses_with: Mapping[str, Any] | None = None,
        uses_metas: Mapping[str, Any] | None = None,
        uses_requests: Mapping[str, str] | None = None,
        py_modules: str | Sequence[str] | None = None,
        workspace: str | None = None,
        gpus: str | int | Sequence[str] | None = None,
        memory: str | int | None = None,
        timeout_ready: int | None = None,
        copy_flow: bool = True,
        **options: Any,
    ) -> Self:
        """Add an Executor. Options that are not listed are those of the YAML; None is "not given".

        Args:
            name: Its name. Default executor0, executor1, ... by its place.
            uses: Where its code is: a directory, the YAML file in it, docker://image[:tag], an
                Executor class, "module.Class", or a mapping {"jtype": "Class", "with": {...}}.
                Default: an Executor that changes nothing.
            needs: Executors whose answers it takes, or "gateway". Default: the one before it.
            replicas: How many containers of it share the load. Default 1.
            env: Environment variables; they win over the Flow's.
            volumes: "name:/path[:ro]", "./directory:/path[:ro]" or "/path". Volumes outlive the
                Flow.
            uses_with: Keyword arguments of the class.
            uses_metas: Wins over `metas` of its config.yml.
            uses_requests: Endpoint to method name; wins over @requests.
            py_modules: Python files to import before the class is looked up.
            workspace: Absolute path in the container that `self.workspace` lies under.
            gpus: "all", a number, or a list of devices.
            memory: Most memory that one container may take: bytes, or text such as "512M".
            timeout_ready: How long a start waits for it, in milliseconds; -1 is for ever.
            copy_flow: Return a new Flow, and leave this one as it is.
            **options: Further options of an Executor.

        Returns:
            The Flow with the Executor.

        Raises:
            UnknownKeyError: There is no such option.
            DefinitionError: An option cannot have that value, or the graph cannot be.
            SourceError: The source of a class cannot be found.

        Example:
            >>> from containerflow import Flow
            >>> Flow().add(name="a").add(name="b", needs="gateway").needs(["a", "b"], name="c")
            <Flow flow: gateway (grpc) -> a, b, c, stopped>
        """
        given = {
            "name": name,
            "uses": uses,
            "needs": needs,
            "replicas": replicas,
            "env": env,
            "volumes": volumes,
            "uses_with": uses_with,
            "uses_metas": uses_metas,
            "uses_requests": uses_requests,
            "py_modules": py_modules,
            "workspace": workspace,
            "gpus": gpus,
            "memory": memory,
            "timeout_ready": timeout_ready,
            **options,
        }
        return self._with_executor(given, copy_flow)

    def needs(
        self,
        needs: Sequence[str],
        name: str = "joiner",
        *,
        copy_flow: bool = True,
        **options: Any,
    ) -> Self:
        """Join the answers of several Executors in a new one; arguments as of `add`.

        Args:
            needs: At least two names.
            name: Name of the Executor that joins.
            copy_flow: Return a new Flow, and leave this one as it is.
            **options: Options of the Executor.

        Raises:
            DefinitionError: Fewer than two names, or as `add` raises.
        """
        given = {**options, "name": name, "needs": needs, "method": "needs"}
        return self._with_executor(given, copy_flow)

    def needs_all(self, name: str = "joiner", *, copy_flow: bool = True, **options: Any) -> Self:
        """Join the answers of all Executors that nobody needs yet; arguments as of `add`.

        Args:
            name: Name of the Executor that joins.
            copy_flow: Return a new Flow, and leave this one as it is.
            **options: Options of the Executor.

        Raises:
            DefinitionError: As `add` raises.
        """
        return self._with_executor({**options, "name": name, "method": "needs_all"}, copy_flow)

    def config_gateway(
        self,
        *,
        protocol: str | Sequence[str] | None = None,
        port: int | Sequence[int] | None = None,
        host: str | None = None,
        env: Mapping[str, str] | None = None,
        cors: bool | None = None,
        title: str | None = None,
        description: str | None = None,
        copy_flow: bool = True,
        **options: Any,
    ) -> Self:
        """Set options of the Gateway; those that are not given stay. None is "not given".

        Args:
            protocol: `http`, `grpc`, or a list of them.
            port: Published port of each protocol; 0 is a free one.
            host: Address to publish on.
            env: Environment variables of its container.
            cors: Answer browsers that come from other sites.
            title: Heading of the generated API page.
            description: Text below the heading.
            copy_flow: Return a new Flow, and leave this one as it is.
            **options: Further options of the Gateway.

        Raises:
            UnknownKeyError: There is no such option.
            DefinitionError: An option cannot have that value.
        """
        from containerflow.flow.validation import declare_gateway

        given = {
            "protocol": protocol,
            "port": port,
            "host": host,
            "env": env,
            "cors": cors,
            "title": title,
            "description": description,
            **options,
        }
        said = {key: value for key, value in given.items() if value is not None}
        before = dict(self._spec.gateway)
        for singular in ("port", "protocol"):
            if f"{singular}s" in said:
                del before[singular]
        gateway = declare_gateway({**before, **said})
        return self._changed(self._spec.changed(gateway=gateway), {}, copy_flow)

    def lower(self) -> Plan:
        """The Plan: every container as it would run, without starting or building anything.

        Raises:
            DefinitionError: The graph cannot be.
            PlanError: The Flow asks for something that cannot be run.
        """
        from containerflow.plan.lower import lower

        return lower(self._spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Builder):
            return NotImplemented
        return self._spec == other._spec and dict(self._texts) == dict(other._texts)

    # A Flow may be changed in place, and so cannot be the key of a mapping.
    __hash__ = None  # type: ignore[assignment]

    def _with_executor(self, given: Mapping[str, Any], copy_flow: bool) -> Self:
        from containerflow.flow.graph import resolve
        from containerflow.flow.validation import declare_executor

        options = {key: value for key, value in given.items() if value is not None}
        texts: Mapping[str, str] = {}
        if isinstance(options.get("uses"), type):
            from containerflow.api.classes import declare_class

            modules = options.get("py_modules", ())
            modules = (modules,) if isinstance(modules, str) else tuple(modules)
            declared = declare_class(options["uses"], modules, self._root, self._texts)
            options["uses"], options["py_modules"] = declared.uses, declared.py_modules
            texts = declared.texts
        executors = (*self._spec.executors, declare_executor(options))
        spec = self._spec.changed(executors=executors)
        # A name that is not known yet may be added later; a start looks again.
        with suppress(UnknownNameError):
            resolve(spec.executors)
        return self._changed(spec, texts, copy_flow)

    def _changed(self, spec: FlowSpec, texts: Mapping[str, str], copy_flow: bool) -> Self:
        if not copy_flow and self._is_running():
            raise DefinitionError(
                f"Flow {self._spec.name} is running, and cannot be changed in place.",
                remedy="Close it first, or leave `copy_flow=False` away for a new Flow.",
            )
        flow = copy.copy(self) if copy_flow else self
        flow._spec = spec
        flow._texts = {**self._texts, **texts}
        return flow

    def _is_running(self) -> bool:
        return False

    def _refuse_texts(self) -> None:
        for executor in self._spec.executors:
            for module in executor.py_modules:
                if module in self._texts:
                    raise DefinitionError(
                        f"Executor {executor.name} uses the class {executor.uses}, whose source "
                        "is in no file that YAML could name: it was defined in a notebook, by "
                        "exec, or in a file whose name is no Python identifier.",
                        remedy="Move the class to a file such as executor.py and import it from "
                        "there.",
                    )

    def _paths_missing_in(self, directory: Path) -> list[str]:
        """Relative paths that lead somewhere from the Flow's directory, and not from another."""
        paths = [
            path
            for executor in self._spec.executors
            for path in (executor.uses, *executor.py_modules)
            if path and "://" not in path
        ]
        return [
            path
            for path in dict.fromkeys(paths)
            if (self._root / path).exists() and not (directory / path).exists()
        ]

    def _graph(self) -> str:
        protocols = ", ".join(self._spec.gateway.protocol) or "grpc"
        names = ", ".join(executor.name for executor in self._spec.executors)
        return f"gateway ({protocols})" + (f" -> {names}" if names else "")
