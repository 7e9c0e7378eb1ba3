import http.server
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import docker
import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from containerflow.flow.yaml import load
from containerflow.plan.lower import lower
from containerflow.targets.docker.door import Answer, Door, door_of

ENGINE = docker.APIClient(base_url="unix:///nowhere.sock", version="1.41")


def door(protocol: str, port: int, executors: tuple[str, ...] = ()) -> Door:
    flow = {"jtype": "Flow", "with": {"protocol": protocol, "port": port}}
    service = lower(load(flow)).gateway
    ports = {f"{service.ports[0].container}/tcp": [{"HostPort": str(port)}]}
    inspected = {"Id": "x", "NetworkSettings": {"Ports": ports, "Networks": {}}}
    return door_of(ENGINE, service, inspected, executors)


@contextmanager
def http_gateway(status: int, body: bytes) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            assert self.path == "/readyz"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def grpc_gateway(states: dict[str, bool]) -> Iterator[int]:
    serving = health_pb2.HealthCheckResponse.SERVING
    waiting = health_pb2.HealthCheckResponse.NOT_SERVING
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    for name, ready in states.items():
        servicer.set(name, serving if ready else waiting)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None)


def ask(opened: Door) -> Answer | None:
    try:
        return opened.ask()
    finally:
        opened.close()


def test_http_200_is_ready() -> None:
    body = json.dumps({"ready": True, "services": {"a": {"replicas": 2, "ready": 2}}}).encode()
    with http_gateway(200, body) as port:
        assert ask(door("http", port)) == Answer(True, {"a": True})


def test_http_503_tells_which_executor_is_not_ready() -> None:
    services = {"a": {"replicas": 2, "ready": 1}, "b": {"replicas": 1, "ready": 1}}
    body = json.dumps({"ready": False, "services": services}).encode()
    with http_gateway(503, body) as port:
        assert ask(door("http", port)) == Answer(False, {"a": False, "b": True})


@pytest.mark.parametrize("body", [b"", b"wait", b"[]", b'{"services": {"a": 1}}'])
def test_http_503_of_any_other_form_is_only_not_ready(body: bytes) -> None:
    with http_gateway(503, body) as port:
        assert ask(door("http", port)) == Answer(False)


def test_another_servers_404_is_no_answer() -> None:
    with http_gateway(404, b"what?") as port:
        assert ask(door("http", port)) is None


def test_one_http_connection_serves_many_questions() -> None:
    with http_gateway(200, b"{}") as port:
        opened = door("http", port)
        assert [opened.ask() for _ in range(3)] == [Answer(True)] * 3
        opened.close()


def test_grpc_serving_is_ready() -> None:
    with grpc_gateway({"": True}) as port:
        assert ask(door("grpc", port)) == Answer(True)


def test_grpc_health_tells_which_executor_is_not_ready() -> None:
    with grpc_gateway({"": False, "a": True, "b": False}) as port:
        answer = ask(door("grpc", port, ("a", "b", "unheard-of")))
        assert answer == Answer(False, {"a": True, "b": False})


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_where_nobody_listens_there_is_no_answer(
    protocol: str, unused_port: Callable[[], int]
) -> None:
    assert ask(door(protocol, unused_port())) is None


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_forwarder_that_hangs_up_is_no_answer(protocol: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert ask(door(protocol, listener.getsockname()[1])) is None
        thread.join()
