"""Reading Jina's YAML."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from containerflow.errors import YamlError
from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec
from containerflow.flow.yaml import load, load_with_root

TEXT = """\
jtype: Flow
version: '1'
with:
  name: search
  protocol: http
  timeout_ready: 1000
gateway:
  port: 8080
executors:
  - name: encoder
    uses: ./encoder
    replicas: 2
"""
FLOW = FlowSpec(
    name="search",
    timeout_ready=1000,
    gateway=GatewaySpec(protocol=("http",), port=(8080,)),
    executors=(ExecutorSpec(name="encoder", uses="./encoder", replicas=2),),
)
JSON = (
    '{"jtype":"Flow","with":{"name":"search","protocol":"http","timeout_ready":1000},'
    '"gateway":{"port":8080},"executors":[{"name":"encoder","uses":"./encoder","replicas":2}]}'
)


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        texts = {"/flow.yml": TEXT, "/parts.yml": "executors: [part.yml]"}
        text = texts.get(self.path)
        self.send_response(404 if text is None else 200)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_text_is_read() -> None:
    assert load(TEXT) == FLOW


def test_json_is_read() -> None:
    assert load(JSON) == FLOW


def test_json_indented_with_tabs_is_read() -> None:
    assert load('{\n\t"executors": [\n\t\t{"uses": "a\\tb"}\n\t]\n}').executors[0].uses == "a\tb"


def test_json_escapes_are_read() -> None:
    flow = load('{"with": {"title": "\\ud83d\\ude00 \\/ \\u00e9"}}')
    assert flow.gateway.title == "😀 / é"


def test_a_mapping_is_read() -> None:
    mapping = {
        "jtype": "Flow",
        "with": {"name": "search", "protocol": "http", "timeout_ready": 1000},
        "gateway": {"port": 8080},
        "executors": [{"name": "encoder", "uses": "./encoder", "replicas": 2}],
    }
    assert load(mapping) == FLOW


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_and_its_directory_is_told(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "flow.yml"
    path.write_bytes(TEXT.encode(encoding))
    assert load_with_root(path) == (FLOW, tmp_path)
    assert load_with_root(str(path)) == (FLOW, tmp_path)


def test_a_relative_path_has_an_absolute_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flow.yml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    assert load_with_root("flow.yml")[1] == tmp_path


def test_streams_are_read(tmp_path: Path) -> None:
    path = tmp_path / "flow.yml"
    path.write_text(TEXT)
    with path.open() as stream:
        assert load_with_root(stream) == (FLOW, tmp_path)
    assert load(io.StringIO(TEXT)) == FLOW
    assert load(io.BytesIO(TEXT.encode())) == FLOW


def test_a_url_is_read(address: str) -> None:
    assert load(f"{address}/flow.yml") == FLOW


def test_a_url_that_has_nothing_is_an_error(address: str) -> None:
    with pytest.raises(YamlError, match=r"cannot be fetched: .*Not Found"):
        load(f"{address}/other.yml")


def test_a_flow_from_a_url_has_no_files_beside_it(address: str) -> None:
    with pytest.raises(YamlError, match=r"parts\.yml:1:13: .*from a URL has no directory"):
        load(f"{address}/parts.yml")


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(YamlError, match=r"There is no file nowhere/flow\.yml"):
        load("nowhere/flow.yml")


def test_a_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match="cannot be read: Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize("source", ["", " ", "\n", "# nothing\n", "{}", "--- \n"])
def test_empty_text_is_an_error(source: str) -> None:
    with pytest.raises(YamlError, match="no Flow in"):
        load(source)


def test_something_else_altogether_is_an_error() -> None:
    with pytest.raises(YamlError, match="cannot be loaded from a int"):
        load(1)  # type: ignore[arg-type]


def test_the_empty_flow_is_only_a_gateway() -> None:
    assert load("jtype: Flow") == FlowSpec()


def test_deployments_are_executors() -> None:
    assert load(TEXT.replace("executors", "deployments")) == FLOW


def test_the_gateways_own_block_wins_over_with() -> None:
    flow = load("with: {port: 1, cors: true}\ngateway: {port: 2}")
    assert flow.gateway == GatewaySpec(port=(2,), cors=True)


def test_options_of_all_stay_with_the_flow() -> None:
    flow = load("with: {env: {A: '1'}, timeout_send: 5}\ngateway: {env: {B: '2'}}")
    assert (flow.env, flow.timeout_send) == ({"A": "1"}, 5)
    assert (flow.gateway.env, flow.gateway.timeout_send) == ({"B": "2"}, None)


def test_a_list_of_needs_is_a_join() -> None:
    flow = load(
        "executors:\n"
        "- {name: a}\n"
        "- {name: b, needs: gateway}\n"
        "- {method: needs, needs: [a, b], name: c}\n"
        "- {name: d, needs: a}\n"
        "- {method: needs_all}\n"
    )
    assert flow.executors[2] == ExecutorSpec(name="c", needs=("a", "b"))
    assert flow.executors[4].needs == ("c", "d")


def test_an_item_may_be_the_path_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.yml").write_text(
        "jtype: Deployment\nversion: '1'\nwith: {name: a, uses: ./a}"
    )
    (tmp_path / "parts/b.yml").write_text("name: b\nuses: ./b\n")
    (tmp_path / "flow.yml").write_text("executors: [parts/a.yml, parts/b.yml, {name: c}]")
    assert load(tmp_path / "flow.yml").executors == (
        ExecutorSpec(name="a", uses="./a"),
        ExecutorSpec(name="b", uses="./b"),
        ExecutorSpec(name="c"),
    )


def test_environment_variables_are_taken_as_they_are_written() -> None:
    flow = load("executors: [{env: {A: 1.10, B: 0x10, C: yes, D: 007, E: on, F: 1e3, G: '~'}}]")
    assert flow.executors[0].env == {
        "A": "1.10",
        "B": "0x10",
        "C": "yes",
        "D": "007",
        "E": "on",
        "F": "1e3",
        "G": "~",
    }


def test_scalars_have_the_types_that_people_mean() -> None:
    flow = load(
        "executors:\n"
        "- uses_with: {a: 12:30, b: 2024-01-01, c: 007, d: on, e: yes, f: 1e-3, g: 0x1F, h: ~,\n"
        "              i: 1_000, j: .5, k: +1, l: -2.50, m: 'no', n: '', o: 0o17, 1: one}\n"
    )
    assert flow.executors[0].uses_with == {
        "a": "12:30",
        "b": "2024-01-01",
        "c": "007",
        "d": "on",
        "e": True,
        "f": 0.001,
        "g": 31,
        "h": None,
        "i": 1000,
        "j": 0.5,
        "k": 1,
        "l": -2.5,
        "m": "no",
        "n": "",
        "o": 15,
        "1": "one",
    }


def test_anchors_and_merges_are_followed() -> None:
    flow = load(
        "executors:\n"
        "- &base {name: a, replicas: 2, env: &env {A: '1'}}\n"
        "- {<<: *base, name: b}\n"
        "- {name: c, env: *env}\n"
    )
    assert [executor.replicas for executor in flow.executors] == [2, 2, 1]
    assert [executor.env for executor in flow.executors] == [{"A": "1"}] * 3
