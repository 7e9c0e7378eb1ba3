"""Plans that say no more than the images room reads."""

from __future__ import annotations

from containerflow.plan.model import Build, Limits, Plan, Probe, Security, Service


def make_service(name: str, build: Build | None, *, image: str) -> Service:
    return Service(
        name=name,
        role="executor",
        executor=name,
        image=image,
        build=build,
        command=(),
        environment=(),
        ports=(),
        mounts=(),
        scratch=(),
        limits=Limits(memory_bytes=0, pids=0),
        security=Security(user="1000:1000"),
        probe=Probe(
            command=(),
            path="/readyz",
            port=9464,
            interval_seconds=1,
            timeout_seconds=1,
            start_period_seconds=1,
            retries=1,
        ),
        needs=(),
        gpus=None,
        replicas=1,
        ready_timeout_seconds=1,
        stop_grace_seconds=1,
        restart="no",
        labels=(),
    )


def make_plan(name: str, *services: Service) -> Plan:
    return Plan(name=name, network=name, services=services, volumes=(), edges=())
