"""A class is cut out of its module with all that it needs, and nothing else."""

from __future__ import annotations

import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containerflow.errors import SourceError
from containerflow.images import closure
from containerflow.images.classes import cut_class


def cut(text: str, name: str = "A") -> str:
    return cut_class(textwrap.dedent(text), name, "script.py")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_what_runs_the_flow_is_left_out_with_and_without_a_guard() -> None:
    text = """\
        class A: pass
        f = Flow().add(uses=A)
        with f:
            f.block()
        if __name__ == "__main__":
            Flow().add(uses=A).start()
        """
    assert lines(cut(text)) == ["class A: pass"]


def test_functions_classes_and_values_come_along_with_their_own_needs() -> None:
    text = """\
        import json
        import unused
        LIMIT = 3
        OTHER = 4
        class Base: pass
        def shorten(text): return json.dumps(text)[:LIMIT]
        class A(Base):
            def run(self, docs): return [shorten(doc) for doc in docs]
        """
    kept = lines(cut(text))
    assert "import unused" not in kept
    assert "OTHER = 4" not in kept
    assert "LIMIT = 3" in kept
    assert "import json" in kept
    assert "class Base: pass" in kept


def test_statements_keep_their_lines() -> None:
    text = '"""Doc."""\nimport sys\n\nx = 1\n\nprint(x)\n\nclass A:\n    y = x\n'
    result = cut(text).splitlines()
    assert result[3] == "x = 1"
    assert result[7] == "class A:"


@pytest.mark.parametrize(
    "statement",
    [
        "N = 1",
        "N: int = 1",
        "N = []\nN += [1]",
        "(N, M) = 1, 2",
        "if True:\n    N = 1\nelse:\n    N = 2",
        "try:\n    import ujson as N\nexcept ImportError:\n    import json as N",
        "with open(__file__) as N: pass",
        "for N in range(3): pass",
        "from json import dumps as N",
        "import os.path as N",
        "def N(): return N",
        "async def N(): pass",
        "class N: pass",
        "def make():\n    global N\n    N = 1",
        "print(N := 1)",
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        "class A:\n    def run(self): return N",
        "class A:\n    value = N",
        "class A:\n    N = N",
        "class A:\n    def run(self, value: N): ...",
        'class A:\n    def run(self, value: "list[N]"): ...',
        'class A:\n    value: "N | None" = None',
        "class A:\n    def run(self, value=N): ...",
        "class A:\n    def run(self): return [x for x in [1] if x in N]",
        "class A:\n    def run(self): return lambda: f'{N}'",
        "class A(N): ...",
        "@N\nclass A: ...",
        "class A:\n    @N\n    def run(self): ...",
        "class A:\n    class Inner:\n        def run(self): return N",
    ],
)
def test_every_way_to_bind_a_name_serves_every_way_to_use_it(statement: str, use: str) -> None:
    kept = lines(cut(f"{statement}\nunrelated = 1\n{use}\n"))
    assert kept == lines(f"{statement}\n{use}")


def test_a_local_variable_is_not_the_modules_name_of_the_same_spelling() -> None:
    text = """\
        docs = Flow().post("/")
        class A:
            def run(self, docs):
                return [docs for docs in docs]
        """
    assert "Flow" not in cut(text)


def test_a_class_attribute_is_not_the_modules_name_of_the_same_spelling() -> None:
    text = """\
        limit = Flow().post("/")
        class A:
            limit = 3
            size = limit * 2
        """
    assert "Flow" not in cut(text)


def test_what_changes_a_needed_value_in_place_is_kept() -> None:
    text = """\
        STOP = set()
        STOP.update({"a"})
        TABLE = {}
        for key in "ab":
            TABLE[key] = 1
        OTHER = []
        OTHER.append(1)
        class A:
            words = STOP, TABLE
        A.words[0].add("b")
        """
    kept = cut(text)
    assert 'STOP.update({"a"})' in kept
    assert "TABLE[key] = 1" in kept
    assert "OTHER" not in kept


def test_of_an_import_only_the_names_that_are_needed_are_kept() -> None:
    text = """\
        from containerflow import (
            Executor,
            Flow,
        )
        class A(Executor): ...
        """
    assert lines(cut(text)) == ["from containerflow import Executor", "class A(Executor): ..."]


def test_future_imports_stay_and_stand_first() -> None:
    kept = lines(cut("from __future__ import annotations\nx = 1\nclass A: ...\n"))
    assert kept == ["from __future__ import annotations", "class A: ..."]


def test_annotations_that_python_does_not_evaluate_may_name_anything() -> None:
    text = """\
        from __future__ import annotations
        Known = int
        class A:
            def run(self, one: Known, other: Unknown) -> "Unheard": ...
        """
    kept = lines(cut(text))
    assert kept[1] == "Known = int"
    with pytest.raises(SourceError, match="needs Unknown"):
        cut(text.replace("from __future__ import annotations", ""))


def test_decorators_strings_and_letters_beyond_ascii_stay_as_they_are() -> None:
    marked = '@d\nclass A:\n    """ü\n\n    é"""\n    w = z\n'
    text = 'def d(c): return c\nx = "ä"; y = 1; z = "€"\n' + marked
    kept = cut_class(text, "A")
    assert kept.splitlines()[1] == 'z = "€"'
    assert marked in kept


def test_a_cell_that_awaits_at_its_top_level_can_be_cut() -> None:
    assert lines(cut("class A: ...\nawait f.post('/')\n")) == ["class A: ..."]


def test_a_name_that_only_the_guard_binds_is_an_error_that_names_it() -> None:
    text = 'if __name__ == "__main__":\n    N = 1\nclass A:\n    def run(self): return N\n'
    with pytest.raises(SourceError, match=r"class A in script\.py needs N"):
        cut(text)


def test_names_from_a_star_are_taken_on_trust() -> None:
    kept = lines(cut("from os import *\nclass A:\n    here = getcwd\n"))
    assert kept[0] == "from os import *"


def test_a_class_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match=r"no class B in script\.py"):
        cut("class A: ...\n", "B")


def test_text_that_is_not_python_is_an_error_with_its_line() -> None:
    with pytest.raises(SourceError, match=r"script\.py, line 2 is not Python"):
        cut("x = 1\nclass A(:\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python has no such syntax to cut")
@pytest.mark.parametrize("line", ["class A[T]: ...", "type X = int\nclass A: y: X"])
def test_syntax_that_images_do_not_have_is_an_error_with_its_line(line: str) -> None:
    with pytest.raises(SourceError, match=r"script\.py.* in line 2, and images run Python 3\.11"):
        cut(f"\n{line}\n")


def test_syntax_newer_than_the_images_is_an_error_only_where_the_class_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(closure, "PYTHON", (3, 7))
    newer = "x = (z := 1)\n"
    assert "z" not in cut(f"{newer}class A: ...\n")
    with pytest.raises(
        SourceError, match=r"script\.py.* not Python 3\.7 in line 2, and images run Python 3\.7"
    ):
        cut(f"\n{newer}class A: y = x\n")


@st.composite
def modules(draw: st.DrawFn) -> tuple[str, set[str]]:
    """A module of functions that call each other, and those that A reaches."""
    names = [f"f{index}" for index in range(draw(st.integers(1, 7)))]
    calls = {name: draw(st.sets(st.sampled_from(names), max_size=3)) for name in names}
    first = draw(st.sets(st.sampled_from(names), max_size=2))
    parts = [f"def {name}(): return [{', '.join(sorted(calls[name]))}]" for name in names]
    parts.append(f"class A:\n    def run(self): return [{', '.join(sorted(first))}]")
    reached: set[str] = set()
    pending = list(first)
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += calls[name]
    return "\n".join(draw(st.permutations(parts))) + "\n", reached


@given(modules())
def test_exactly_what_is_reached_is_kept(module: tuple[str, set[str]]) -> None:
    text, reached = module
    scope: dict[str, object] = {}
    exec(cut_class(text, "A"), scope)
    assert {name for name in scope if name.startswith("f")} == reached


@given(modules())
def test_cutting_twice_changes_nothing(module: tuple[str, set[str]]) -> None:
    once = cut_class(module[0], "A")
    assert cut_class(once, "A") == once
