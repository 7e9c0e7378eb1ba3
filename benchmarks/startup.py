"""Time until a Flow of 1, 4 and 10 containers is ready, and what an idle Executor takes.

Beside each stands the floor: the same containers, created and started by plain parallel calls to
the engine, until the same Gateway says that it is ready. The two take turns in one run. Images
are built before the clock starts.

    python benchmarks/startup.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from docker import APIClient
from rich.console import Console
from rich.table import Table

from containerflow import Flow
from containerflow.engine.connection import connect
from containerflow.images.prepare import Sources, prepare
from containerflow.plan.lower import lower
from containerflow.plan.model import FLOW_LABEL, Plan
from containerflow.progress import Silent
from containerflow.targets.docker.container import configuration, container_name, owned_labels
from containerflow.targets.docker.owner import Owner

HERE = Path(__file__).resolve().parent
SIZES = (1, 4, 10)
SETTLE_SECONDS = 5


def echo_flow(containers: int) -> Flow:
    """A Gateway and a chain of echo Executors, `containers` in all."""
    flow = Flow(name=f"bench-startup-{containers}", protocol="http", port=0, quiet=True)
    for number in range(containers - 1):
        flow = flow.add(name=f"echo{number}", uses=str(HERE / "echo"))
    return flow


def timed(work: Callable[[], Callable[[], None]]) -> float:
    """Seconds that `work` takes; what it returns undoes it, off the clock."""
    began = time.perf_counter()
    undo = work()
    seconds = time.perf_counter() - began
    undo()
    return seconds


def with_containerflow(flow: Flow) -> Callable[[], None]:
    """As a user starts it."""
    flow.start()
    return flow.close


def with_plain_calls(engine: APIClient, plan: Plan) -> Callable[[], None]:
    """The same containers, with nothing that cares for them."""
    owned = owned_labels(plan, Owner.current(), "floor")
    engine.create_network(plan.network, labels=owned)
    wanted = [
        (service, container_name(plan, service, index))
        for service in plan.services
        for index in range(service.replicas)
    ]

    def start(item: tuple[Any, str]) -> None:
        service, name = item
        engine.create_container_from_config(configuration(plan, service, HERE, owned), name)
        engine.start(name)

    with ThreadPoolExecutor(len(wanted)) as pool:
        list(pool.map(start, wanted))
    gateway = container_name(plan, plan.gateway, 0)
    port = engine.port(gateway, plan.gateway.ports[0].container)[0]["HostPort"]
    url = f"http://127.0.0.1:{port}/readyz"
    while not answers(url):
        time.sleep(0.005)

    def undo() -> None:
        with ThreadPoolExecutor(len(wanted)) as pool:
            list(pool.map(lambda item: engine.remove_container(item[1], force=True), wanted))
        engine.remove_network(plan.network)

    return undo


def answers(url: str) -> bool:
    """Whether the address says that all is ready."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def idle_memory(engine: APIClient, flow: Flow) -> dict[str, float]:
    """Resident megabytes (10^6 bytes) of each container's processes.

    Pages that containers share count in each, so that the figure errs upwards. It comes from the
    process table, because not every engine has memory statistics.
    """
    with flow:
        time.sleep(SETTLE_SECONDS)
        taken = {}
        for container in engine.containers(filters={"label": f"{FLOW_LABEL}={flow.name}"}):
            processes = engine.top(container["Id"], ps_args="-eo pid,rss")["Processes"]
            kibibytes = sum(int(resident) for _, resident in processes)
            taken[container["Names"][0].lstrip("/")] = kibibytes * 1024 / 1e6
    return taken


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    engine = connect()
    console = Console(width=100)

    table = Table(title=f"Seconds until ready, median of {rounds} rounds")
    for heading in ("containers", "containerflow", "floor", "ratio"):
        table.add_column(heading, justify="right")
    for size in SIZES:
        flow = echo_flow(size)
        plan = prepare(lower(flow.spec), Sources(HERE, {}), engine, Silent())
        ours, floor = [], []
        for _ in range(rounds):
            ours.append(timed(lambda flow=flow: with_containerflow(flow)))
            floor.append(timed(lambda plan=plan: with_plain_calls(engine, plan)))
        ratio = statistics.median(a / b for a, b in zip(ours, floor, strict=True))
        table.add_row(
            str(size),
            f"{statistics.median(ours):.2f}",
            f"{statistics.median(floor):.2f}",
            f"{ratio:.2f}",
        )
    console.print(table)

    table = Table(title=f"Resident memory of an idle container after {SETTLE_SECONDS} s")
    table.add_column("container")
    table.add_column("MB", justify="right")
    for name, megabytes in sorted(idle_memory(engine, echo_flow(4)).items()):
        table.add_row(name, f"{megabytes:.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
