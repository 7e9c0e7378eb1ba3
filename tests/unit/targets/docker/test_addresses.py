import docker
import pytest

from containerflow.plan.model import Port
from containerflow.targets.docker.addresses import (
    addresses,
    dial_host,
    engine_host,
    published_port,
)

INSPECTED = {
    "NetworkSettings": {
        "Ports": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}], "9464/tcp": None},
        "Networks": {"search": {"IPAddress": "172.20.0.3"}},
    }
}


def client(url: str) -> docker.APIClient:
    """A client that has not connected to anything."""
    return docker.APIClient(base_url=url, version="1.41")


def port(address: str, published: int = 0) -> Port:
    return Port(8080, published, address, "http")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("unix:///var/run/docker.sock", ""),
        ("tcp://127.0.0.1:2375", ""),
        ("tcp://localhost:2375", ""),
        ("tcp://10.1.2.3:2375", "10.1.2.3"),
        ("tcp://build.example:2376", "build.example"),
    ],
)
def test_an_engine_of_another_machine_is_known_by_its_host(url: str, host: str) -> None:
    assert engine_host(client(url)) == host


@pytest.mark.parametrize(
    ("address", "remote", "host"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("0.0.0.0", "", "127.0.0.1"),
        ("192.168.1.5", "", "192.168.1.5"),
        ("0.0.0.0", "10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "10.1.2.3", ""),
        ("::", "", "::1"),
        ("::1", "10.1.2.3", ""),
    ],
)
def test_where_a_published_port_is_called(address: str, remote: str, host: str) -> None:
    assert dial_host(port(address), remote) == host


def test_the_port_that_the_engine_chose_is_found() -> None:
    assert published_port(port("127.0.0.1"), INSPECTED) == 32768


def test_a_port_that_is_not_bound_yet_is_the_declared_one() -> None:
    assert published_port(Port(9464, 9000, "127.0.0.1", "http"), INSPECTED) == 9000


def test_a_port_on_the_loopback_is_known_to_this_machine_alone() -> None:
    (address,) = addresses(client("unix:///x.sock"), (port("127.0.0.1"),), INSPECTED)
    assert address.local == "127.0.0.1:32768"
    assert address.private == "172.20.0.3:8080"
    assert address.public == ""


def test_a_port_of_a_remote_engine_is_called_at_its_host() -> None:
    (address,) = addresses(client("tcp://10.1.2.3:2375"), (port("0.0.0.0"),), INSPECTED)
    assert address.local == "10.1.2.3:32768"
    assert address.private == "10.1.2.3:32768"
    assert address.public == ""


def test_a_public_address_is_told_where_the_engines_host_has_one() -> None:
    (address,) = addresses(client("tcp://8.8.8.8:2375"), (port("0.0.0.0"),), INSPECTED)
    assert address.public == "8.8.8.8:32768"
