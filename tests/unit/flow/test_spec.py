"""The declaration in Python: canonical, checked, and with errors that help."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from containerflow.errors import DefinitionError, UnknownKeyError
from containerflow.flow.quantity import bytes_of
from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec
from containerflow.flow.validation import declare_executor, declare_flow, declare_gateway


@pytest.mark.parametrize("model", [FlowSpec, GatewaySpec, ExecutorSpec])
def test_every_option_is_described(model: type[FlowSpec]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("model", [FlowSpec, GatewaySpec, ExecutorSpec])
def test_every_model_has_a_json_schema(model: type[FlowSpec]) -> None:
    assert model.model_json_schema()["properties"].keys() == model.model_fields.keys()


def test_executors_are_named_by_their_place() -> None:
    flow = FlowSpec(executors=(ExecutorSpec(), ExecutorSpec(name="b"), ExecutorSpec()))
    assert [executor.name for executor in flow.executors] == ["executor0", "b", "executor2"]


def test_a_need_that_is_the_default_anyway_makes_no_difference() -> None:
    said = FlowSpec(executors=(ExecutorSpec(name="a", needs="gateway"), ExecutorSpec(needs="a")))
    unsaid = FlowSpec(executors=(ExecutorSpec(name="a"), ExecutorSpec()))
    assert said == unsaid


def test_values_that_python_calls_equal_make_different_flows() -> None:
    flows = [
        FlowSpec(executors=(ExecutorSpec(uses_with={"k": value}),)) for value in (1, 1.0, True)
    ]
    assert flows[0] != flows[1] != flows[2] != flows[0]


def test_the_order_of_keys_makes_no_difference() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert ExecutorSpec(uses_with=one) == ExecutorSpec(uses_with=other)
    assert hash(ExecutorSpec(uses_with=one)) == hash(ExecutorSpec(uses_with=other))


def test_a_declaration_does_not_change_with_what_it_was_made_of() -> None:
    arguments = {"layers": [1, 2]}
    executor = ExecutorSpec(uses_with=arguments)
    arguments["layers"].append(3)
    assert executor.uses_with == {"layers": [1, 2]}


def test_a_declaration_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        FlowSpec().name = "other"  # type: ignore[misc]


def test_a_changed_copy_is_checked() -> None:
    with pytest.raises(DefinitionError, match="The Executor, `replicas`"):
        ExecutorSpec().changed(replicas=0)
    with pytest.raises(UnknownKeyError, match="The Flow has no option `nam`"):
        FlowSpec().changed(nam="a")


def test_endpoints_begin_with_a_slash() -> None:
    assert ExecutorSpec(uses_requests={"index": "f"}).uses_requests == {"/index": "f"}


def test_one_value_stands_for_a_list_of_one() -> None:
    executor = ExecutorSpec(needs="a", volumes="/data", py_modules="x.py")  # type: ignore[arg-type]
    assert (executor.needs, executor.volumes, executor.py_modules) == (
        ("a",),
        ("/data",),
        ("x.py",),
    )


def test_protocols_may_be_written_in_any_case_and_number() -> None:
    assert declare_gateway({"protocols": ["GRPC", "Http"], "ports": [1, 2]}) == GatewaySpec(
        protocol=("grpc", "http"), port=(1, 2)
    )


def test_numbers_and_booleans_in_env_become_text() -> None:
    assert ExecutorSpec(env={"A": 1, "B": True, "C": 0.5}).env == {  # type: ignore[dict-item]
        "A": "1",
        "B": "true",
        "C": "0.5",
    }


def test_uses_may_be_what_stands_in_a_config_file() -> None:
    executor = declare_executor(
        {
            "uses": {
                "jtype": "Encoder",
                "with": {"size": 1, "depth": 2},
                "metas": {"name": "x", "py_modules": ["encoder.py"]},
                "requests": {"/index": "encode"},
            },
            "uses_with": {"size": 3},
        }
    )
    assert executor == ExecutorSpec(
        uses="Encoder",
        uses_with={"size": 3, "depth": 2},
        uses_metas={"name": "x"},
        uses_requests={"/index": "encode"},
        py_modules=("encoder.py",),
    )


@pytest.mark.parametrize(
    ("given", "canonical"),
    [("all", "all"), (2, "2"), ([0, 1], "device=0,1"), ("device=GPU-a", "device=GPU-a")],
)
def test_gpus_have_one_canonical_form(given: object, canonical: str) -> None:
    assert declare_executor({"gpus": given}).gpus == canonical


def test_an_entrypoint_is_split_as_a_shell_would() -> None:
    assert ExecutorSpec(entrypoint="run --name 'a b'").entrypoint == ("run", "--name", "a b")  # type: ignore[arg-type]


def test_options_of_the_gateway_reach_it_through_the_flow() -> None:
    flow = declare_flow({"name": "search", "port": 8080, "protocol": "http", "env": {"A": "1"}})
    assert flow.gateway == GatewaySpec(port=(8080,), protocol=("http",))
    assert flow.env == {"A": "1"}


@pytest.mark.parametrize(
    ("declare", "option", "nearest"),
    [
        (declare_executor, "replica", "replicas"),
        (declare_gateway, "protcol", "protocol"),
        (declare_flow, "timeout_redy", "timeout_ready"),
    ],
)
def test_an_unknown_option_names_the_nearest_one(declare, option: str, nearest: str) -> None:
    with pytest.raises(UnknownKeyError, match=f"Did you mean `{nearest}`") as caught:
        declare({option: 1})
    assert caught.value.nearest == nearest


def test_an_option_that_jina_had_says_what_to_do_instead() -> None:
    with pytest.raises(UnknownKeyError, match="Every Executor runs in a container"):
        declare_executor({"native": True})


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"name": "1st"}, "`name`"),
        ({"name": "a" * 64}, "`name`"),
        ({"name": "a\n"}, "`name`"),
        ({"replicas": 0}, "`replicas`: .*greater than or equal to 1"),
        ({"replicas": True}, "a number is wanted"),
        ({"replicas": "many"}, "`replicas`: .*it is 'many'"),
        ({"timeout_ready": 0}, "`timeout_ready`: .*or -1 for ever"),
        ({"timeout_ctrl": -1}, "`timeout_ctrl`"),
        ({"memory": "a lot"}, "'a lot' is not an amount of memory"),
        ({"cpus": -1}, "`cpus`"),
        ({"gpus": "some"}, "GPUs are"),
        ({"needs": []}, "`needs`"),
        ({"needs": ["a", "a"]}, "a stands there twice"),
        ({"method": "needs", "needs": ["a"]}, "joins several"),
        ({"method": "needs_all", "needs": ["a"]}, "finds out by itself"),
        ({"uses_requests": {"/a": "f", "a": "g"}}, "twice, with and without its slash"),
        ({"uses_with": {"x": float("nan")}}, "x is nan"),
        ({"uses_with": {"x": [1, {2}]}}, r"x\[1\] is a set"),
        ({"uses_with": {1: 2}}, "the key 1"),
        ({"uses": {"with": {}}}, "names no class"),
        ({"uses": {"jtype": "A", "wit": {}}}, "unknown key 'wit'"),
        ({"env": {"A B": "1"}}, "'A B' is not the name"),
        ({"env": {"A": None}}, "A has no value"),
        ({"env": {"A": []}}, "A is a list"),
        ({"env": {"A": "\0"}}, "NUL"),
        ({"uses": "\ud800"}, "surrogate"),
        ({"log_level": "LOUD"}, "`log_level`"),
    ],
)
def test_a_value_that_cannot_be_is_an_error(options: dict[str, object], fault: str) -> None:
    with pytest.raises(DefinitionError, match=fault):
        declare_executor(options)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("512M", 512 * 2**20),
        ("512MiB", 512 * 2**20),
        ("512 mb", 512 * 2**20),
        ("1.5g", 3 * 2**29),
        ("2t", 2**41),
        ("10k", 10240),
        ("100", 100),
        ("100b", 100),
        (7, 7),
    ],
)
def test_amounts_of_memory(quantity: str | int, expected: int) -> None:
    assert bytes_of(quantity) == expected


@pytest.mark.parametrize("quantity", ["", "M", "-1", "1x", "1..5g", "1 2"])
def test_what_is_no_amount_of_memory(quantity: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of memory"):
        bytes_of(quantity)
