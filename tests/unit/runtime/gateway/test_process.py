"""The Gateway as a process: how it starts, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from containerflow.errors import PlanError
from containerflow.runtime.gateway.server import start
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.settings import (
    SETTINGS_VARIABLE,
    GatewaySettings,
    ListenerSettings,
    NodeSettings,
)
from tests.unit.runtime.gateway.lane_peer import LanePeer, echo

BODY = b'{"data":[{"text":"a"}]}'


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def process(settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "containerflow.runtime.gateway",
        env={**os.environ, SETTINGS_VARIABLE: settings},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def is_accepted(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def wait_until_ready(http: aiohttp.ClientSession, port: int) -> None:
    while True:
        try:
            async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            pass  # not listening yet
        await asyncio.sleep(0.02)


async def test_a_stop_finishes_what_is_in_flight_and_exits_in_order(
    http: aiohttp.ClientSession,
) -> None:
    release = asyncio.Event()

    async def held(request: pb.Request) -> pb.Response:
        await release.wait()
        return echo(request)

    peer = await LanePeer(answer=held).start()
    port, admin = free_port(), free_port()
    settings = GatewaySettings(
        flow="test",
        listeners=(
            ListenerSettings(protocol="http", port=port),
            ListenerSettings(protocol="grpc", port=free_port()),
        ),
        nodes=(NodeSettings(name="a", host="localhost", port=peer.port),),
        admin_port=admin,
    )
    async with process(settings.to_text()) as running:
        await wait_until_ready(http, port)
        call = asyncio.create_task(
            http.post(f"http://127.0.0.1:{port}/echo", data=BODY).__aenter__()
        )
        while not peer.requests:
            await asyncio.sleep(0.005)
        running.send_signal(signal.SIGTERM)
        while True:
            async with http.get(f"http://127.0.0.1:{admin}/readyz") as state:
                if state.status == 503:
                    break
        while await is_accepted(port):
            await asyncio.sleep(0.005)
        assert not call.done()
        release.set()
        answer = await call
        assert await answer.read() == BODY
        assert await running.wait() == 0
    await peer.close()


async def test_without_settings_the_process_says_what_it_misses() -> None:
    async with process("") as running:
        _, stderr = await running.communicate()
    assert running.returncode == 1
    assert SETTINGS_VARIABLE in stderr.decode()


async def test_a_port_that_is_taken_ends_the_process_with_its_number() -> None:
    for protocol in ("http", "grpc"):
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            port = taken.getsockname()[1]
            listener = ListenerSettings.model_validate({"protocol": protocol, "port": port})
            settings = GatewaySettings(flow="t", listeners=(listener,), admin_port=0)
            async with process(settings.to_text()) as running:
                _, stderr = await running.communicate()
            assert running.returncode == 1
            assert str(port) in stderr.decode()


async def test_websocket_is_refused_at_the_start() -> None:
    settings = GatewaySettings(
        flow="t", listeners=(ListenerSettings(protocol="websocket", port=0),), admin_port=0
    )
    with pytest.raises(PlanError, match="websocket"):
        await start(settings, host="127.0.0.1")
