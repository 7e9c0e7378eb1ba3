"""`python -m containerflow.runtime.executor`: the process of an Executor's container."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from containerflow.errors import ExecutorError
from containerflow.runtime import log
from containerflow.runtime.executor.server import ExecutorServer
from containerflow.runtime.process import run
from containerflow.wire.settings import SETTINGS_VARIABLE, SOURCE_DIRECTORY, ExecutorSettings

_logger = logging.getLogger("containerflow.executor")


def main(arguments: list[str]) -> int:
    """Run the Executor that the environment describes; returns the exit code.

    Args:
        arguments: `--source DIRECTORY` names another folder than the image's own.
    """
    source = Path(SOURCE_DIRECTORY)
    if arguments:
        if len(arguments) != 2 or arguments[0] != "--source":
            return _refuse("usage: python -m containerflow.runtime.executor [--source DIRECTORY]")
        source = Path(arguments[1])
    text = os.environ.get(SETTINGS_VARIABLE)
    if text is None:
        return _refuse(f"{SETTINGS_VARIABLE} is not set; it holds the Executor's settings as JSON.")
    try:
        settings = ExecutorSettings.model_validate_json(text)
        log.configure(settings.name, settings.log_level)
    except (ValidationError, ValueError) as error:
        return _refuse(f"{SETTINGS_VARIABLE} does not hold an Executor's settings: {error}")
    return run(lambda stop: _serve(settings, source, stop))


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 2


async def _serve(settings: ExecutorSettings, source: Path, stop: asyncio.Event) -> int:
    server = ExecutorServer(settings, source)
    stopped = asyncio.create_task(stop.wait())
    start = asyncio.create_task(_start(server))
    await asyncio.wait((stopped, start), return_when=asyncio.FIRST_COMPLETED)
    if not start.done() and not server.readiness().ready:
        # Stopped while a model loads: there is nothing to finish, and no way to interrupt it.
        _logger.info("Stopped before it was ready.")
        return 0
    error = await start
    if error is not None:
        if not isinstance(error, ExecutorError) or error.__cause__ is not None:
            told = error.__cause__ or error
            trace = _users_own(told, source)
            _logger.error("The start failed.", exc_info=(type(told), told, trace))
        _logger.critical("Executor %r could not start: %s", settings.name, _cause(error))
        return 1
    _logger.info("Ready: lane on port %d, gRPC on port %d.", server.lane_port, server.grpc_port)
    await stopped
    _logger.info("Stopping.")
    await server.close()
    return 0


async def _start(server: ExecutorServer) -> BaseException | None:
    try:
        await server.open()
        await server.make_ready()
    except BaseException as error:  # noqa: BLE001 - an __init__ may even call sys.exit()
        return error
    return None


def _users_own(error: BaseException, source: Path) -> TracebackType | None:
    """The traceback from the first line of the Executor's folder on.

    What leads there is the runtime's, and only hides the line that matters. A fault that never
    came into the folder keeps all of it, except for one of syntax, which names its own line.
    """
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).is_relative_to(source):
            return trace
        trace = trace.tb_next
    return None if isinstance(error, SyntaxError) else error.__traceback__


def _cause(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ExecutorError) else f"{type(error).__name__}: {text}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
