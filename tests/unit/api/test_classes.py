import sys
from pathlib import Path
from types import ModuleType

import pytest

from containerflow import Document, Executor, Flow, requests
from containerflow.errors import DefinitionError, SourceError


class Greeter(Executor):
    @requests
    def greet(self, docs: list[Document], **kwargs: object) -> None:
        """Change nothing."""


def test_a_class_becomes_its_name_and_the_file_that_defines_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    (executor,) = Flow().add(uses=Greeter).spec.executors
    assert (executor.uses, executor.py_modules) == ("Greeter", ("test_classes.py",))


def test_the_file_is_named_from_the_flows_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent)
    (executor,) = Flow().add(uses=Greeter).spec.executors
    assert executor.py_modules == ("api/test_classes.py",)


def test_the_directory_of_a_loaded_flow_counts_and_not_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flow.yml").write_text("jtype: Flow\n")
    monkeypatch.chdir(Path(__file__).parent)
    (executor,) = Flow.load_config(tmp_path / "flow.yml").add(uses=Greeter).spec.executors
    (file,) = executor.py_modules
    assert (tmp_path / file).resolve() == Path(__file__).resolve()


def test_further_modules_stand_behind_the_class_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    (executor,) = Flow().add(uses=Greeter, py_modules="words.py").spec.executors
    assert executor.py_modules == ("test_classes.py", "words.py")


def test_a_flow_with_a_class_in_a_file_can_be_saved_and_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    flow = Flow().add(uses=Greeter)
    flow.save_config(tmp_path / "flow.yml")
    assert Flow.load_config(tmp_path / "flow.yml") == flow


def in_a_cell(monkeypatch: pytest.MonkeyPatch, text: str, name: str = "cell") -> type:
    """Run a source that is in no file, as a notebook does, and return its class Cell."""
    import linecache

    source = f"<{name}>"
    monkeypatch.setitem(
        linecache.cache, source, (len(text), None, text.splitlines(keepends=True), source)
    )
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, source, "exec"), vars(module))
    return module.Cell


CELL = """
from containerflow import Executor, requests

class Cell(Executor):
    @requests
    def run(self, docs, **kwargs):
        return docs

    mark = "{mark}"
"""


def test_a_class_without_a_file_keeps_its_source_and_can_be_lowered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = Flow().add(uses=in_a_cell(monkeypatch, CELL.format(mark="first")))
    build = flow.lower().services[1].build
    assert build is not None
    assert (build.kind, build.entry) == ("module", "Cell")
    assert 'mark = "first"' in flow._texts[build.source]


def test_a_cell_that_ran_again_with_another_text_does_not_replace_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = Flow().add(uses=in_a_cell(monkeypatch, CELL.format(mark="first")))
    flow = flow.add(uses=in_a_cell(monkeypatch, CELL.format(mark="second"), "again"))
    builds = [service.build for service in flow.lower().services[1:]]
    texts = [flow._texts[build.source] for build in builds if build is not None]
    assert 'mark = "first"' in texts[0]
    assert 'mark = "second"' in texts[1]


def test_a_flow_with_a_class_without_a_file_cannot_be_saved_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    flow = Flow().add(name="cell", uses=in_a_cell(monkeypatch, CELL.format(mark="x")))
    with pytest.raises(DefinitionError, match=r"Executor cell .* no file") as caught:
        flow.save_config(tmp_path / "flow.yml")
    assert "executor.py" in caught.value.remedy
    assert not (tmp_path / "flow.yml").exists()


def test_flows_with_different_sources_of_one_class_are_not_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = Flow().add(uses=in_a_cell(monkeypatch, CELL.format(mark="first")))
    second = Flow().add(uses=in_a_cell(monkeypatch, CELL.format(mark="second")))
    assert first != second


def test_a_class_that_is_no_executor_is_refused() -> None:
    with pytest.raises(DefinitionError, match="Path is no Executor"):
        Flow().add(uses=Path)


def test_a_class_inside_of_a_function_is_refused() -> None:
    class Local(Executor):
        pass

    with pytest.raises(SourceError, match="inside of a function"):
        Flow().add(uses=Local)


def test_a_class_in_a_file_whose_name_is_no_identifier_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    path = tmp_path / "01-demo.py"
    path.write_text(CELL.format(mark="demo"))
    spec = importlib.util.spec_from_file_location("demo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)
    spec.loader.exec_module(module)
    flow = Flow().add(uses=module.Cell)
    build = flow.lower().services[1].build
    assert build is not None
    assert 'mark = "demo"' in flow._texts[build.source]
