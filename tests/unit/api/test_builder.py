import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containerflow import Flow
from containerflow.errors import (
    CycleError,
    DefinitionError,
    DuplicateNameError,
    StartError,
    UnknownKeyError,
    UnknownNameError,
)


def names(flow: Flow) -> list[str]:
    return [executor.name for executor in flow.spec.executors]


def test_a_new_flow_has_only_a_gateway() -> None:
    assert Flow().spec.executors == ()
    assert [service.name for service in Flow().lower().services] == ["gateway"]


def test_add_returns_a_new_flow_and_leaves_the_old_one_as_it_is() -> None:
    flow = Flow()
    longer = flow.add(name="a")
    assert longer is not flow
    assert names(flow) == []
    assert names(longer) == ["a"]


def test_add_in_place_changes_the_flow_and_returns_it() -> None:
    flow = Flow()
    assert flow.add(name="a", copy_flow=False) is flow
    assert names(flow) == ["a"]


@pytest.mark.parametrize("copy_flow", [True, False])
def test_every_way_to_build_can_be_chained_in_both_manners(copy_flow: bool) -> None:
    flow = (
        Flow()
        .add(name="a", copy_flow=copy_flow)
        .add(name="b", needs="gateway", copy_flow=copy_flow)
        .needs(["a", "b"], name="c", copy_flow=copy_flow)
        .add(name="d", needs="gateway", copy_flow=copy_flow)
        .needs_all(name="e", copy_flow=copy_flow)
        .config_gateway(protocol="http", port=0, copy_flow=copy_flow)
    )
    edges = {(edge.source, edge.target) for edge in flow.lower().edges}
    assert {("a", "c"), ("b", "c"), ("c", "e"), ("d", "e")} <= edges
    assert flow.protocol == "http"


def test_executors_without_names_are_numbered_and_stand_in_a_chain() -> None:
    flow = Flow().add().add()
    assert names(flow) == ["executor0", "executor1"]
    assert ("executor0", "executor1") in {(edge.source, edge.target) for edge in flow.lower().edges}


def test_options_of_the_gateway_may_be_given_to_the_flow() -> None:
    flow = Flow(protocol=["http", "grpc"], port=[0, 0], host="0.0.0.0", cors=True, title="T")
    assert flow.spec.gateway.protocol == ("http", "grpc")
    assert flow.spec.gateway.cors
    assert (flow.protocol, flow.host, flow.port) == ("http", "0.0.0.0", 0)


def test_configuring_the_gateway_keeps_what_is_not_named() -> None:
    flow = Flow(protocol="http", port=0, title="T").config_gateway(description="D")
    assert (
        flow.spec.gateway == Flow(protocol="http", port=0, title="T", description="D").spec.gateway
    )


def test_the_plural_of_an_option_replaces_its_singular() -> None:
    flow = Flow(protocol="http", port=0).config_gateway(protocols=["grpc"], ports=[1234])
    assert flow.spec.gateway.protocol == ("grpc",)
    assert flow.port == 1234


@pytest.mark.parametrize(
    ("build", "nearest"),
    [
        (lambda: Flow(protocl="http"), "protocol"),
        (lambda: Flow().add(replica=2), "replicas"),
        (lambda: Flow().config_gateway(titel="x"), "title"),
        (lambda: Flow().add().needs_all(repicas=2), "replicas"),
    ],
    ids=["Flow", "add", "config_gateway", "needs_all"],
)
def test_an_unknown_keyword_is_an_error_that_names_the_nearest_one(build, nearest: str) -> None:
    with pytest.raises(UnknownKeyError) as caught:
        build()
    assert caught.value.nearest == nearest
    assert nearest in str(caught.value)


def test_a_value_that_an_option_cannot_have_is_an_error_where_it_is_given() -> None:
    with pytest.raises(DefinitionError, match="replicas"):
        Flow().add(name="a", replicas=0)


def test_two_executors_of_one_name_are_an_error_where_the_second_is_added() -> None:
    with pytest.raises(DuplicateNameError, match="`a`"):
        Flow().add(name="a").add(name="a")


def test_an_executor_that_needs_itself_is_an_error_at_once() -> None:
    with pytest.raises(CycleError, match="needs itself"):
        Flow().add(name="a", needs="a")


def test_a_name_may_be_needed_before_it_is_added() -> None:
    flow = Flow().add(name="b", needs="a").add(name="a", needs="gateway")
    assert [service.executor for service in flow.lower().services] == ["", "b", "a"]


def test_a_name_that_is_never_added_is_an_error_before_anything_starts() -> None:
    with pytest.raises(UnknownNameError, match="`missing`"):
        Flow().add(name="a", needs="missing").start()


def test_a_join_wants_several_names() -> None:
    with pytest.raises(DefinitionError, match="needs"):
        Flow().add(name="a").needs(["a"])


def test_flows_of_the_same_declaration_are_equal_however_they_were_built() -> None:
    chained = Flow(name="x").add(name="a").add(name="b")
    other = Flow(name="x")
    other.add(name="a", copy_flow=False)
    other.add(name="b", needs="a", copy_flow=False)
    assert chained == other
    assert chained != chained.add()
    assert chained != "x"


def test_a_flow_cannot_be_a_key_because_it_may_change() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Flow())


def test_a_copy_can_be_changed_without_the_original() -> None:
    flow = Flow().add(name="a")
    twin = copy.copy(flow)
    twin.add(name="b", copy_flow=False)
    assert names(flow) == ["a"]


def test_a_flow_shows_its_name_protocols_executors_and_state() -> None:
    flow = Flow(name="x", protocol=["http", "grpc"]).add(name="a").add(name="b")
    assert repr(flow) == "<Flow x: gateway (http, grpc) -> a, b, stopped>"
    assert repr(Flow()) == "<Flow flow: gateway (grpc), stopped>"


@pytest.mark.parametrize(
    "use",
    [
        lambda flow: flow.post("/"),
        lambda flow: flow.block(),
        lambda flow: flow.client,
        lambda flow: flow.address,
        lambda flow: flow.addresses,
    ],
    ids=["post", "block", "client", "address", "addresses"],
)
def test_what_wants_a_running_flow_says_so(use) -> None:
    with pytest.raises(StartError, match="is not running") as caught:
        use(Flow(name="idle"))
    assert "start()" in caught.value.remedy


def test_a_flow_that_does_not_run_is_not_ready_and_may_be_closed() -> None:
    flow = Flow()
    assert not flow.is_ready()
    flow.close()
    flow.close()


@pytest.mark.parametrize("kind", ["path", "str", "text", "bytes", "dict", "stream"])
def test_load_config_takes_every_kind_of_source(kind: str, tmp_path: Path) -> None:
    flow = Flow(name="x", protocol="http").add(name="a", uses="docker://acme/a:1", replicas=2)
    path = tmp_path / "flow.yml"
    flow.save_config(path)
    text = path.read_text()
    mapping = {
        "jtype": "Flow",
        "with": {"name": "x", "protocol": "http"},
        "executors": [{"name": "a", "uses": "docker://acme/a:1", "replicas": 2}],
    }
    if kind == "stream":
        with path.open() as stream:
            assert Flow.load_config(stream) == flow
        return
    sources = {
        "path": path,
        "str": str(path),
        "text": text,
        "bytes": text.encode(),
        "dict": mapping,
    }
    assert Flow.load_config(sources[kind]) == flow


def test_load_config_fills_in_what_the_caller_gives() -> None:
    flow = Flow.load_config(
        "jtype: Flow\nwith:\n  name: ${{ CONTEXT.title }}\n", context={"title": "given"}
    )
    assert flow.name == "given"


def test_saving_beside_nothing_that_the_flow_names_is_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "encoder").mkdir(parents=True)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    flow = Flow().add(uses="./encoder")
    flow.save_config(tmp_path / "here" / "flow.yml")
    with pytest.warns(UserWarning, match=r"\./encoder"):
        flow.save_config(tmp_path / "there" / "flow.yml")


EXECUTORS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "uses": st.sampled_from(["./encoder", "docker://acme/a:1", "executor/config.yml"]),
            "replicas": st.integers(1, 5),
            "env": st.dictionaries(st.sampled_from(["A", "B"]), st.text("xyz ${}", max_size=5)),
            "uses_with": st.dictionaries(st.text("ab", min_size=1), st.none() | st.integers()),
            "volumes": st.sampled_from(["data:/data", "./words:/words:ro"]),
            "timeout_ready": st.integers(1, 10**6),
        },
    ),
    max_size=4,
)


@given(
    st.fixed_dictionaries(
        {}, optional={"name": st.sampled_from(["x", "Search_1"]), "protocol": st.just("http")}
    ),
    EXECUTORS,
)
def test_what_is_saved_is_what_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, options: dict, executors: list[dict]
) -> None:
    flow = Flow(**options)
    for executor in executors:
        flow = flow.add(**executor)
    path = tmp_path_factory.mktemp("flow") / "flow.yml"
    flow.save_config(path)
    loaded = Flow.load_config(path)
    assert loaded == flow
    assert loaded.lower() == flow.lower()
