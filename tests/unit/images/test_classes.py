"""The source of a class is found wherever the author wrote it."""

from __future__ import annotations

import linecache
import runpy
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from containerflow.errors import SourceError
from containerflow.images.classes import cut_class, module_source

Notebook = Callable[[str], dict[str, Any]]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Runs cells as a notebook does: one namespace, no file, sources in linecache."""
    module = ModuleType("notebook_main")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names: list[str] = []

    def run_cell(text: str) -> dict[str, Any]:
        text = textwrap.dedent(text)
        name = f"<cell {len(names)}>"
        names.append(name)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec", dont_inherit=True), vars(module))
        return vars(module)

    yield run_cell
    for name in names:
        linecache.cache.pop(name, None)


def run_assembled(cls: type) -> dict[str, Any]:
    source = module_source(cls)
    assert source.path is None
    assert source.name == "notebook"
    scope: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(cut_class(source.text, cls.__name__), "notebook.py", "exec"), scope)
    return scope


def test_the_file_of_a_module_is_its_source() -> None:
    source = module_source(SourceError)
    assert source.name == "errors"
    assert source.path is not None
    assert source.path.read_text() == source.text


def test_a_script_that_runs_as_main_is_found_by_its_file(tmp_path: Path) -> None:
    script = tmp_path / "my-script.py"
    script.write_text(
        "from containerflow.images.classes import module_source\n"
        "class A: pass\n"
        "source = module_source(A)\n"
        "print(source.name, source.path.name, 'class A: pass' in source.text)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["my_script", "my-script.py", "True"]


def test_a_class_inside_of_a_function_is_refused() -> None:
    class Inner: ...

    with pytest.raises(SourceError, match="Move it to the top level"):
        module_source(Inner)


def test_a_class_without_source_is_refused(tmp_path: Path) -> None:
    scope = runpy.run_path(str(_write(tmp_path / "x.py", "exec('class A:\\n  def f(s): ...')")))
    with pytest.raises(SourceError, match="leaves no source behind"):
        module_source(scope["A"])


def test_a_class_of_one_cell_is_found(notebook: Notebook) -> None:
    names = notebook("class A:\n    def run(self): return 1\n")
    assert run_assembled(names["A"])["A"]().run() == 1


def test_names_of_other_cells_come_along(notebook: Notebook) -> None:
    notebook("""\
        import json as j
        from pathlib import Path
        LIMITS = {"a": [1, 2]}
        """)
    notebook("""\
        class Base:
            kind = "base"
        class Middle(Base): pass
        """)
    notebook("""\
        def shorten(text):
            return text[:LIMITS["a"][1]] + helper()
        def helper(): return "!"
        flow = object()
        """)
    names = notebook("""\
        class A(Middle):
            def run(self, text):
                assert issubclass(Middle, Base)
                return shorten(j.dumps(text)), Path(text).name, self.kind
        """)
    scope = run_assembled(names["A"])
    assert scope["A"]().run("ab") == ('"a!', "ab", "base")
    assert "flow" not in scope


def test_the_newest_definition_of_a_name_counts(notebook: Notebook) -> None:
    notebook("def version(): return 1")
    notebook("def version(): return 2")
    names = notebook("class A:\n    def run(self): return version()\n")
    assert run_assembled(names["A"])["A"]().run() == 2


def test_functions_of_two_cells_may_need_each_other(notebook: Notebook) -> None:
    notebook("def even(n): return n == 0 or odd(n - 1)")
    notebook("def odd(n): return n != 0 and even(n - 1)")
    names = notebook("class A:\n    def run(self, n): return even(n)\n")
    assert run_assembled(names["A"])["A"]().run(4) is True


def test_future_imports_of_any_cell_stand_first(notebook: Notebook) -> None:
    notebook("from __future__ import annotations\ndef helper(x: Unknown): return x\n")
    names = notebook("class A:\n    def run(self): return helper(3)\n")
    assert run_assembled(names["A"])["A"]().run() == 3


def test_what_only_an_annotation_names_comes_along_where_it_can(notebook: Notebook) -> None:
    notebook("class Text:\n    size = 3\n")
    names = notebook("""\
        from __future__ import annotations
        class A:
            def run(self, docs: list[Text], other: Unknown): ...
        """)
    assert run_assembled(names["A"])["Text"].size == 3


def test_an_object_that_cannot_be_brought_along_is_named(notebook: Notebook) -> None:
    names = notebook("class A:\n    def run(self): return CONNECTION\n")
    names["CONNECTION"] = object()
    with pytest.raises(SourceError, match="class A needs CONNECTION, which is a object"):
        module_source(names["A"])


def test_a_name_that_nobody_defines_is_named(notebook: Notebook) -> None:
    names = notebook("class A:\n    def run(self): return NOWHERE\n")
    with pytest.raises(SourceError, match="needs NOWHERE, which is defined nowhere"):
        module_source(names["A"])


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
