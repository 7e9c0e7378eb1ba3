"""Requests a second through 1 and 3 echo Executors in containers, beside a bare aiohttp echo.

The three are measured in turn, several rounds in one run, so that a machine whose speed drifts
slows them alike; what counts is each round's ratio to the bare echo. Load comes from `hey`
(a Debian package) through the published port. A second table says whose processors a request
takes: on a machine with few of them, load generator and port forwarder share them with the Flow.

    python benchmarks/throughput.py [--seconds 3] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from containerflow import Flow

HERE = Path(__file__).resolve().parent
BODY = '{"data":[{"text":"a"}]}'
CONNECTIONS = (1, 32)
KINDS = {
    "bare_echo.py": "bare echo",
    "docker-proxy": "port forwarder",
    "containerflow.runtime.gateway": "Gateway",
    "containerflow.runtime.executor": "Executors",
}
"""What a process's command line says, and what the table calls it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that answers POST requests."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one burst of load showed."""

    requests_per_second: float
    p50_ms: float


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


@contextmanager
def bare_echo() -> Iterator[Target]:
    """The aiohttp echo as a process of its own."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(HERE / "bare_echo.py"), str(port)])
    try:
        url = f"http://127.0.0.1:{port}/echo"
        wait_until_answers(url)
        yield Target("bare aiohttp echo", url)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def echo_flow(executors: int, endpoint: str) -> Iterator[Target]:
    """A chain of echo Executors, each in a container of its own."""
    flow = Flow(name=f"bench-http-{executors}", protocol="http", port=0, quiet=True)
    for number in range(executors):
        flow = flow.add(name=f"echo{number}", uses=str(HERE / "echo"))
    with flow:
        yield Target(
            f"{executors} Executor{'s' if executors > 1 else ''}",
            f"http://127.0.0.1:{flow.port}{endpoint}",
        )


def wait_until_answers(url: str) -> None:
    """Ask until there is an answer."""
    deadline = time.monotonic() + 20
    while True:
        request = urllib.request.Request(url, BODY.encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def load(target: Target, connections: int, seconds: float) -> Measurement:
    """One burst of load; any answer but 200 ends the run."""
    command = ["hey", "-z", f"{seconds}s", "-c", str(connections), "-m", "POST"]
    command += ["-T", "application/json", "-d", BODY, target.url]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    statuses = [line.split()[0] for line in report.splitlines() if "responses" in line]
    if statuses != ["[200]"] or "Error distribution" in report:
        raise SystemExit(f"{target.name} did not answer every request:\n{report}")
    rate = next(line for line in report.splitlines() if "Requests/sec:" in line)
    median = next(line for line in report.splitlines() if line.strip().startswith("50% in"))
    return Measurement(float(rate.split()[1]), float(median.split()[2]) * 1000)


def processor_seconds() -> dict[str, float]:
    """What each kind of process has taken so far, user and system time together."""
    ticks = os.sysconf("SC_CLK_TCK")
    taken: dict[str, float] = dict.fromkeys(KINDS.values(), 0.0)
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_text().replace("\0", " ")
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        for pattern, kind in KINDS.items():
            if pattern in command and "dumb-init" not in command:
                # Fields 14 and 15 of proc(5), counted from the one after the name.
                taken[kind] += (int(fields[11]) + int(fields[12])) / ticks
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken["load generator"] = children.ru_utime + children.ru_stime
    return taken


def processors(target: Target, connections: int, seconds: float) -> dict[str, float]:
    """Microseconds of processor time that one request takes, by kind of process."""
    before = processor_seconds()
    count = load(target, connections, seconds).requests_per_second * seconds
    after = processor_seconds()
    return {kind: (after[kind] - before[kind]) * 1e6 / count for kind in after}


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one burst")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--endpoint",
        default="/echo",
        choices=["/echo", "/threaded"],
        help="/threaded runs the handler in a worker thread",
    )
    options = parser.parse_args()
    if shutil.which("hey") is None:
        raise SystemExit("hey is not installed: apt-get install hey")

    with ExitStack() as stack:
        targets = [
            stack.enter_context(bare_echo()),
            stack.enter_context(echo_flow(1, options.endpoint)),
            stack.enter_context(echo_flow(3, options.endpoint)),
        ]
        for target in targets:
            load(target, 8, 1.0)
        table = Table(title=f"POST {options.endpoint} {BODY}, median of {options.rounds} rounds")
        for heading in ("", "connections", "req/s", "p50 ms", "of the bare echo"):
            table.add_column(heading, justify="left" if not heading else "right")
        for connections in CONNECTIONS:
            rounds = [
                [load(target, connections, options.seconds) for target in targets]
                for _ in range(options.rounds)
            ]
            for index, target in enumerate(targets):
                ratios = [
                    row[index].requests_per_second / row[0].requests_per_second for row in rounds
                ]
                table.add_row(
                    target.name,
                    str(connections),
                    f"{statistics.median(row[index].requests_per_second for row in rounds):,.0f}",
                    f"{statistics.median(row[index].p50_ms for row in rounds):.1f}",
                    f"{statistics.median(ratios):.0%}",
                )
        costs = {
            target.name: processors(target, CONNECTIONS[-1], options.seconds) for target in targets
        }
    console = Console(width=100)
    console.print(table)
    table = Table(title=f"Processor time of a request at {CONNECTIONS[-1]} connections, in µs")
    table.add_column("")
    kinds = ["load generator", *KINDS.values()]
    for kind in kinds:
        table.add_column(kind, justify="right")
    for name, cost in costs.items():
        table.add_row(name, *(f"{cost[kind]:.0f}" for kind in kinds))
    console.print(table)


if __name__ == "__main__":
    main()
