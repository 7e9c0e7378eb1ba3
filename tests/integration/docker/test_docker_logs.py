"""What containers print, as one stream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from containerflow.errors import EngineError
from containerflow.targets.docker import LogLine, logs
from tests.integration.docker.conftest import Engine
from tests.integration.docker.test_docker_deployments import serve_ready

pytestmark = pytest.mark.engine

LONG = 40_000


@pytest.fixture(scope="module")
def talking(shared: Engine) -> Engine:
    """A Gateway that has printed three lines, one of them long, and an Executor with two."""
    gateway = serve_ready(
        f"print('one\\n' + 'x' * {LONG} + '\\nthree', flush=True); import time; time.sleep(600)"
    )
    executor = "import time; print('alpha', flush=True); print('beta', flush=True); time.sleep(600)"
    plan = shared.plan({"a": {}}, programs={"gateway": gateway, "a": executor})
    shared.up(plan)
    while len(list(logs(shared.client, shared.name))) < 5:
        pass
    return shared


def texts(lines: Iterator[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_lines_of_all_services_come_in_the_order_of_time(talking: Engine) -> None:
    lines = list(logs(talking.client, talking.name))
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert {line.text for line in lines} == {"one", "x" * LONG, "three", "alpha", "beta"}
    assert {(line.service, line.container) for line in lines} == {
        ("gateway", f"{talking.name}-gateway-0"),
        ("a", f"{talking.name}-a-0"),
    }


def test_one_service_can_be_chosen(talking: Engine) -> None:
    assert texts(logs(talking.client, talking.name, "a")) == ["alpha", "beta"]


def test_only_the_last_lines_of_each_container_can_be_asked_for(talking: Engine) -> None:
    assert sorted(texts(logs(talking.client, talking.name, tail=1))) == ["beta", "three"]


def test_following_begins_with_the_last_lines_that_were_asked_for(talking: Engine) -> None:
    lines = logs(talking.client, talking.name, "a", follow=True, tail=1)
    assert next(lines).text == "beta"


def test_following_goes_on_when_a_container_starts_again_and_ends_when_it_is_gone(
    on_engine: Engine,
) -> None:
    program = "print('begun', flush=True); import time; time.sleep(600)"
    plan = on_engine.plan(
        {"a": {}},
        programs={"gateway": serve_ready("import time; time.sleep(600)"), "a": program},
    )
    on_engine.up(plan)
    lines = logs(on_engine.client, on_engine.name, "a", follow=True)
    assert next(lines).text == "begun"
    kill = on_engine.client.exec_create(
        f"{on_engine.name}-a-0", ["/bin/sh", "-c", "kill -9 -1"], user="1000"
    )["Id"]
    on_engine.client.exec_start(kill)
    assert next(lines).text == "begun"
    # Whoever follows is told of the end by the end of the lines.
    on_engine.client.remove_container(f"{on_engine.name}-a-0", force=True)
    assert texts(lines) == []


def test_a_flow_that_is_not_there_is_an_error(on_engine: Engine) -> None:
    with pytest.raises(EngineError, match=f"No Flow named {on_engine.name}"):
        logs(on_engine.client, on_engine.name)


def test_a_service_that_is_not_there_is_an_error_that_names_those_that_are(
    talking: Engine,
) -> None:
    with pytest.raises(EngineError, match="no service named rank") as caught:
        logs(talking.client, talking.name, "rank")
    assert "gateway, a" in caught.value.remedy
