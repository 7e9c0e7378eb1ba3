"""The corpus of the search example."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[3] / "examples" / "search" / "corpus.py"


@pytest.fixture(scope="module")
def corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("search_corpus", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "package" / "inner").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text('"""A package."""\n')
    (tmp_path / "package" / "inner" / "module.py").write_text(
        "raise SystemExit('imported, not parsed')\n"
        "class Box:\n"
        '    """A box.\n\n    With a lid.\n    """\n'
        "    def open(self):\n"
        '        """Open it."""\n'
        "        def hidden():\n"
        '            """Nobody sees this."""\n'
        "    def close(self): pass\n"
        "try:\n"
        "    def pack():\n"
        '        """Pack it."""\n'
        "except ImportError:\n"
        "    async def pack():\n"
        '        """Pack it slowly."""\n'
    )
    (tmp_path / "broken.py").write_text("def (:\n")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "module.py").write_text('"""A test."""\n')
    return tmp_path


def test_each_documented_name_is_one_document(corpus: ModuleType, sources: Path) -> None:
    assert [(entry.id, entry.kind, entry.text) for entry in corpus.build(sources)] == [
        ("package", "module", "A package."),
        ("package.inner.module.Box", "class", "A box.\n\nWith a lid."),
        ("package.inner.module.Box.open", "method", "Open it."),
        ("package.inner.module.pack", "function", "Pack it."),
    ]


def test_the_version_tells_whether_a_text_has_changed(corpus: ModuleType, sources: Path) -> None:
    before = corpus.version(corpus.build(sources))
    assert corpus.version(corpus.build(sources)) == before
    (sources / "package" / "__init__.py").write_text('"""Another package."""\n')
    assert corpus.version(corpus.build(sources)) != before


def test_the_standard_library_has_parsed_and_compiled_names_once_each(corpus: ModuleType) -> None:
    entries = corpus.build()
    names = [entry.id for entry in entries]
    assert len(names) == len(set(names))
    assert {"json.dumps", "builtins.str.split", "math.sqrt", "collections.deque"} <= set(names)
    assert not any(name.startswith("test.") for name in names)


def test_a_limit_takes_so_many_documents(corpus: ModuleType) -> None:
    assert len(corpus.build(limit=25)) == 25
