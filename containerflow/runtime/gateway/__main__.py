"""`python -m containerflow.runtime.gateway`: the Gateway's process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys

from containerflow.errors import ContainerflowError
from containerflow.runtime import log
from containerflow.runtime.gateway.server import start
from containerflow.runtime.process import run
from containerflow.wire.names import GATEWAY
from containerflow.wire.settings import SETTINGS_VARIABLE, GatewaySettings


def main() -> int:
    """Serve until SIGTERM.

    Returns:
        The exit code: 0 after a stop in order, 1 where the Gateway cannot serve.
    """
    try:
        settings = GatewaySettings.model_validate_json(os.environ.get(SETTINGS_VARIABLE, ""))
        log.configure(GATEWAY, settings.log_level)
    except ValueError as error:  # pydantic's errors are of that kind
        print(f"{SETTINGS_VARIABLE} is not the settings of a Gateway: {error}", file=sys.stderr)
        return 1

    async def serve(stop: asyncio.Event) -> int:
        try:
            server = await start(settings)
        except (ContainerflowError, OSError) as error:
            logging.getLogger(__name__).error("The Gateway cannot start: %s", error)
            return 1
        # What was made so far stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        await stop.wait()
        await server.close()
        return 0

    return run(serve, exit_seconds=5.0)


if __name__ == "__main__":
    sys.exit(main())
