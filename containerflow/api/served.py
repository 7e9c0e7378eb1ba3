"""How a running Flow is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from containerflow.api.builder import Builder
from containerflow.errors import StartError

if TYPE_CHECKING:
    from containerflow.api.running import Running
    from containerflow.client import Client
    from containerflow.client.async_client import Inputs, M
    from containerflow.targets.docker import Address
    from containerflow.wire.documents import Document

__all__ = ["Served"]


class Served(Builder):
    """The calling half of `Flow`."""

    _running: Running | None = None

    @overload
    def post(
        self,
        on: str,
        inputs: Inputs = None,
        parameters: Mapping[str, Any] | None = None,
        return_type: None = None,
        timeout: float | None = None,
        *,
        request_size: int = 100,
    ) -> list[Document]: ...

    @overload
    def post(
        self,
        on: str,
        inputs: Inputs = None,
        parameters: Mapping[str, Any] | None = None,
        return_type: type[M] | type[list[M]] = ...,
        timeout: float | None = None,
        *,
        request_size: int = 100,
    ) -> list[M]: ...

    def post(
        self,
        on: str,
        inputs: Inputs = None,
        parameters: Mapping[str, Any] | None = None,
        return_type: Any = None,
        timeout: float | None = None,
        *,
        request_size: int = 100,
    ) -> list[Any]:
        """Send documents to an endpoint of the running Flow; see `Client.post`.

        Args:
            on: The endpoint, "/search".
            inputs: One document (a pydantic model or a mapping) or an iterable of them; None to
                send none.
            parameters: For the handlers.
            return_type: The model of the answer's documents; `Document` by default.
            timeout: Deadline of each request, in seconds; None leaves it to the Flow.
            request_size: Documents in one request; more are sent as several.

        Returns:
            The documents of the answer.

        Raises:
            StartError: The Flow is not running.
            RequestError: The request failed.
        """
        answer: list[Any] = self._running_now("post").client.post(
            on, inputs, parameters, return_type, timeout, request_size=request_size
        )
        return answer

    @property
    def client(self) -> Client:
        """A client of the running Flow, on its first protocol; closed with the Flow.

        Raises:
            StartError: The Flow is not running.
        """
        return self._running_now("client").client

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where the running Flow is reached, one address a protocol.

        Raises:
            StartError: The Flow is not running.
        """
        return self._running_now("addresses").addresses

    @property
    def address(self) -> str:
        """URL of the running Flow's first protocol, as `Client` takes it.

        Raises:
            StartError: The Flow is not running.
        """
        first = self._running_now("address").addresses[0]
        return f"{first.protocol}://{first.local}"

    @property
    def host(self) -> str:
        """The host to call: of the running Flow, else as declared."""
        if self._running is not None and self._running.is_up:
            return self._running.addresses[0].host
        return self.lower().gateway.ports[0].address

    @property
    def port(self) -> int:
        """The port of the first protocol: of the running Flow, else as declared (0 is any)."""
        if self._running is not None and self._running.is_up:
            return self._running.addresses[0].port
        return self.lower().gateway.ports[0].published

    @property
    def protocol(self) -> str:
        """The first protocol."""
        return self.lower().gateway.ports[0].protocol

    def is_ready(self) -> bool:
        """Whether the Flow runs, and the Gateway and all Executors can answer now."""
        try:
            return self._running_now("is_ready").client.is_flow_ready()
        except StartError:
            # Not started, or stopped by another thread meanwhile.
            return False

    def _running_now(self, wanted: str) -> Running:
        running = self._running
        if running is None or not running.is_up:
            raise StartError(
                f"Flow {self._spec.name} is not running, so it has no `{wanted}`.",
                remedy="Start it first: `with flow: ...`, or `flow.start()`.",
            )
        return running

    def _is_running(self) -> bool:
        return self._running is not None
