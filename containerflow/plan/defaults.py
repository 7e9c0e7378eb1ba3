"""Every default that a declaration leaves open, in one place.

Times that an option takes in milliseconds stand here in milliseconds; the rest is in the names.
"""

from __future__ import annotations

from typing import Literal

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE

RUNTIME_IMAGE = "containerflow/runtime"
IMAGE_PREFIX = "containerflow/"
_DUMB_INIT = ("/opt/containerflow/bin/dumb-init", "--")
# -P: the working directory is the Executor's folder, whose files may be named as Python's own.
_INTERPRETER = (*_DUMB_INIT, "/opt/containerflow/bin/python", "-P", "-m")
GATEWAY_COMMAND = (*_INTERPRETER, "containerflow.runtime.gateway")
EXECUTOR_COMMAND = (*_INTERPRETER, "containerflow.runtime.executor")

PROTOCOL: Literal["grpc"] = "grpc"
TRANSPORT: Literal["lane", "grpc"] = "lane"
HTTP_PORT = 8080
PUBLISH_ADDRESS = "127.0.0.1"
LOWEST_CONTAINER_PORT = 1024
"""A process that is not root may not listen below; such a port is only published."""

TIMEOUT_READY = 600_000
TIMEOUT_CTRL = 15_000
TIMEOUT_REQUEST = 600_000
LONGEST_DRAIN_RESERVE_SECONDS = 5
"""What is kept of the time to stop for closing down after the last request; a third at most."""

MAX_REQUEST_BYTES = 64 * MEBIBYTE
LARGEST_REQUEST_BYTES = 1023 * MEBIBYTE
"""A frame of the lane carries 1 GiB; the rest is for the message around the body."""
MAX_PENDING = 1024
RETRIES = -1
LOG_LEVEL = "INFO"
QUIET_LOG_LEVEL = "ERROR"

EXECUTOR_MEMORY_BYTES = 4 * GIBIBYTE
GATEWAY_MEMORY_BYTES = 1 * GIBIBYTE
LEAST_MEMORY_BYTES = 6 * MEBIBYTE
"""Docker refuses less."""
CPUS = 0.0
PIDS = 512
USER = "1000:1000"
RESTART: Literal["on-failure"] = "on-failure"
TEMPORARY_DIRECTORY = "/tmp"
TEMPORARY_BYTES = 64 * MEBIBYTE
WORKSPACE_BYTES = 1 * GIBIBYTE
"""Most that a workspace without a volume holds; it is memory, taken as it is filled."""

PROBE_COMMAND = "/opt/containerflow/bin/probe"
PROBE_PATH = "/readyz"
PROBE_INTERVAL_SECONDS = 10
PROBE_TIMEOUT_SECONDS = 3
PROBE_RETRIES = 3
PROBE_LONGEST_START_SECONDS = 600
