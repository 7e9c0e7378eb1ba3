"""Which handler serves what, and the errors of bad declarations."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from containerflow import Document, Executor, requests
from containerflow.errors import ExecutorError
from containerflow.runtime.executor.catalogue import catalogue_of, routes


class Text(Document):
    """A text."""

    text: str


class Vector(Document):
    length: int


class Wanted(BaseModel):
    limit: int = 10


def served(cls: type[Executor], **remapped: str) -> dict[str, str]:
    mapped = {f"/{endpoint}": method for endpoint, method in remapped.items()}
    return {route.endpoint: route.method for route in routes(cls, mapped)}


def refused(function: Any) -> str:
    """The error of an Executor whose one handler is `function`."""
    cls = type("Bad", (Executor,), {"handle": requests(on="/x")(function)})
    with pytest.raises(ExecutorError) as error:
        catalogue_of(cls())
    message = str(error.value)
    assert "Bad.handle" in message
    return message


class Base(Executor):
    @requests(on="/a")
    def a(self, **kwargs): ...

    @requests(on=["b", "/c"])
    def b(self, **kwargs): ...

    @requests
    def rest(self, **kwargs): ...


def test_endpoints_have_a_leading_slash_and_the_bare_decorator_is_the_fallback():
    assert served(Base) == {"/a": "a", "/b": "b", "/c": "b", "/default": "rest"}


def test_a_subclass_inherits_endpoints_and_replaces_some():
    class Sub(Base):
        @requests(on="/a")
        def other(self, **kwargs): ...

        def b(self, **kwargs): ...  # overridden without a declaration: keeps its endpoints

    assert served(Sub) == {"/a": "other", "/b": "b", "/c": "b", "/default": "rest"}


def test_decorators_add_up():
    class Twice(Executor):
        @requests(on="/a")
        @requests(on="/b")
        def both(self, **kwargs): ...

    assert served(Twice) == {"/a": "both", "/b": "both"}


def test_the_configuration_wins_over_the_decorators_and_may_name_plain_methods():
    class Plain(Base):
        def plain(self, **kwargs): ...

    assert served(Plain, a="plain", new="b")["/a"] == "plain"
    assert served(Plain, a="plain", new="b")["/new"] == "b"


def test_a_mapping_to_no_method_names_the_nearest_one():
    with pytest.raises(
        ExecutorError, match=r"Base\.rst, which is not a method\. Did you mean 'rest'"
    ):
        routes(Base, {"/x": "rst"})


def test_two_handlers_of_one_class_for_one_endpoint_are_an_error():
    class Double(Executor):
        @requests(on="/x")
        def one(self, **kwargs): ...

        @requests(on="x")
        def two(self, **kwargs): ...

    with pytest.raises(ExecutorError, match=r"Double\.one and Double\.two both serve /x"):
        routes(Double)


@pytest.mark.parametrize("on", ["", "/", [], [""], 3, [None]])
def test_an_endpoint_that_is_no_name_is_an_error(on):
    with pytest.raises((ExecutorError, TypeError)):
        requests(on=on)(lambda self: None)


def test_the_decorator_belongs_on_methods():
    with pytest.raises(ExecutorError, match="not a method"):
        requests("/x")  # type: ignore[call-overload]
    with pytest.raises(ExecutorError, match="not a method"):
        requests(on="/x")(staticmethod(len))


def test_a_handler_without_self_is_an_error():
    def handle(docs): ...

    assert "does not take `self`" in refused(handle)
    assert "does not take `self`" in refused(lambda: None)


def test_an_argument_that_no_handler_is_given_is_an_error():
    def handle(self, documents): ...

    assert "'documents', which no handler is given" in refused(handle)


def test_an_annotation_that_is_no_list_of_models_is_an_error():
    def text(self, docs: str): ...
    def numbers(self, docs: list[int]): ...
    def one(self, docs: Text): ...
    def many(self, doc: list[Text]): ...
    def returned(self, docs) -> list[str]: ...
    def parameters(self, parameters: int): ...

    assert "`docs: str`, which is not a list of models" in refused(text)
    assert "not a list of models" in refused(numbers)
    assert "`docs: Text`, which is not a list of models" in refused(one)
    assert "which is not a model" in refused(many)
    assert "returns list[str]" in refused(returned)
    assert "`parameters: int`" in refused(parameters)


def test_generators_are_an_error_for_now():
    def generator(self, docs):
        yield docs

    async def generator_async(self, docs):
        yield docs

    assert "is a generator" in refused(generator)
    assert "is a generator" in refused(generator_async)


def test_both_docs_and_doc_are_an_error():
    def handle(self, docs, doc): ...

    assert "both `docs` and `doc`" in refused(handle)


def test_the_parts_of_a_join_are_not_to_be_had_yet():
    def handle(self, docs_map): ...

    assert "not supported yet" in refused(handle)


def test_an_annotation_that_cannot_be_evaluated_says_what_to_do():
    def handle(self, docs: "list[Nowhere]"): ...  # type: ignore[name-defined] # noqa: F821

    message = refused(handle)
    assert "NameError" in message
    assert "top level" in message


def test_an_annotation_that_is_no_business_of_ours_may_be_unknown():
    def handle(self, docs: "list[Text]", tracing_context: "Nowhere", **kwargs: "Nowhere"):  # type: ignore[name-defined] # noqa: F821
        ...

    cls = type("Fine", (Executor,), {"handle": requests(on="/x")(handle)})
    assert list(catalogue_of(cls()).handlers) == ["/x"]


def test_the_description_says_models_parameters_and_the_first_paragraph():
    class Encoder(Executor):
        @requests(on="/encode")
        def encode(self, docs: list[Text], parameters: Wanted, **kwargs) -> list[Vector] | None:
            """Turn texts into
            vectors.

            Not said.
            """

        @requests(on="/mixed")
        def mixed(self, docs: list[Text | Vector]) -> dict[str, int]:
            return {}

    description = catalogue_of(Encoder()).description
    encode, mixed = description.endpoints
    assert (encode.name, encode.summary) == ("/encode", "Turn texts into vectors.")
    assert json.loads(encode.input_schema)["required"] == ["text"]
    assert "length" in json.loads(encode.output_schema)["properties"]
    assert json.loads(encode.parameters_schema)["properties"]["limit"]["default"] == 10
    assert len(json.loads(mixed.input_schema)["anyOf"]) == 2
    assert mixed.output_schema
    assert not mixed.parameters_schema


def test_handlers_without_annotations_take_documents():
    catalogue = catalogue_of(Base())
    schema = json.loads(catalogue.description.endpoints[0].input_schema)
    assert schema["title"] == "Document"
    assert catalogue.handler("/anything") is catalogue.handlers["/default"]


def test_a_class_without_handlers_serves_nothing():
    catalogue = catalogue_of(Executor())
    assert catalogue.handler("/x") is None
    assert not catalogue.description.endpoints


def test_the_gateway_knows_an_executor_by_its_name_in_the_flow():
    class Renamed(Executor):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.name = "something else"

    assert catalogue_of(Renamed(), name="encoder").description.name == "encoder"
