"""Which class `uses` means, and the errors where it means none."""

from textwrap import dedent

import pytest

from containerflow.errors import ExecutorError
from containerflow.runtime.executor.loading import load
from containerflow.wire.settings import ExecutorSettings

HEAD = "from containerflow import Executor, requests\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that is written by `folder(name=text)`; the import path is put back after."""
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = dedent(text)
            path.write_text(HEAD + text if name.endswith(".py") else text)
        return tmp_path

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def loaded(source, **settings):
    return load(ExecutorSettings(name="worker", **settings), source)


def name_of(source, **settings):
    return loaded(source, **settings).cls.__name__


def refused(source, **settings):
    with pytest.raises(ExecutorError) as error:
        loaded(source, **settings)
    return str(error.value)


ONE = "class One(Executor): ..."
TWO = "class One(Executor): ...\nclass Two(Executor): ..."


def test_the_one_class_in_executor_py(folder):
    assert name_of(folder({"executor.py": ONE, "other.py": "class Other(Executor): ..."})) == "One"


def test_a_base_class_beside_it_is_not_a_second_executor(folder):
    source = "class Base(Executor): ...\nclass Derived(Base): ..."
    assert name_of(folder({"executor.py": source})) == "Derived"


def test_the_one_file_of_another_name(folder):
    assert name_of(folder({"encoder.py": ONE})) == "One"


def test_a_class_by_its_name_wherever_it_stands(folder):
    source = folder({"executor.py": ONE, "more.py": TWO.replace("One", "Three")})
    assert name_of(source, uses="Two") == "Two"


def test_looking_for_a_class_does_not_run_files_that_lack_it(folder):
    source = folder({"executor.py": ONE, "broken.py": "raise RuntimeError('was run')"})
    assert name_of(source, uses="One") == "One"


def test_a_class_by_module_and_name(folder):
    source = folder({"pkg/__init__.py": "", "pkg/deep.py": TWO})
    assert name_of(source, uses="pkg.deep.Two") == "Two"


@pytest.mark.parametrize("file", ["config.yml", "config.yaml"])
def test_the_folders_own_configuration(folder, file):
    source = folder(
        {
            "lib/mine.py": TWO,
            file: """
            jtype: Two
            with: {size: 3, name: configured}
            py_modules: [lib/mine.py]
            metas: {description: words}
            requests: {/x: method}
            """,
        }
    )
    result = loaded(
        source, uses_with={"size": 4}, uses_metas={"extra": 1}, uses_requests={"/y": "m"}
    )
    assert result.cls.__name__ == "Two"
    assert result.arguments == {"size": 4, "name": "configured"}
    assert result.place.metas == {"description": "words", "extra": 1}
    assert result.requests == {"/x": "method", "/y": "m"}


def test_a_named_configuration(folder):
    source = folder({"executor.py": TWO, "other.yml": "jtype: One", "config.yml": "jtype: Two"})
    assert name_of(source, uses="other.yml") == "One"


@pytest.mark.parametrize("entry", ["lib/mine.py", "./lib/mine.py", "lib.mine"])
def test_py_modules_of_the_settings(folder, entry):
    assert name_of(folder({"lib/mine.py": ONE}), uses="One", py_modules=(entry,)) == "One"


def test_a_package_among_py_modules(folder):
    source = folder({"pkg/__init__.py": "from .inner import One", "pkg/inner.py": ONE})
    assert name_of(source, uses="One", py_modules=("pkg/__init__.py",)) == "One"


def test_without_any_code_documents_pass_through(folder, tmp_path):
    assert loaded(tmp_path).cls is None
    assert loaded(tmp_path / "missing").cls is None
    assert loaded(folder({"executor.py": ONE}), uses="BaseExecutor").cls is None


def test_the_place_is_that_of_the_settings(folder):
    place = loaded(folder({"executor.py": ONE}), shard_id=1, shards=2, workspace="/w").place
    assert (place.name, place.shard_id, place.shards, place.workspace) == ("worker", 1, 2, "/w")


def test_folders_of_one_process_do_not_see_each_others_modules(folder, tmp_path):
    assert name_of(folder({"a/executor.py": "class A(Executor): ..."}) / "a") == "A"
    assert name_of(folder({"b/executor.py": "class B(Executor): ..."}) / "b") == "B"


def test_several_classes_ask_for_a_name(folder):
    assert "several Executor classes in executor: One, Two" in refused(folder({"executor.py": TWO}))


def test_no_class_says_so(folder):
    assert "no Executor class in executor" in refused(folder({"executor.py": "x = 1"}))


def test_an_unknown_class_names_the_nearest_one(folder):
    source = folder({"executor.py": "class Encoder(Executor): ..."})
    message = refused(source, uses="Encodr", py_modules=("executor.py",))
    assert "There is no class Encodr in executor. Did you mean 'Encoder'?" in message


def test_a_class_that_is_no_executor_says_what_to_derive_from(folder):
    message = refused(folder({"executor.py": "class Plain: ..."}), uses="Plain")
    assert "Plain in executor is not an Executor. Derive it" in message


def test_a_missing_package_points_at_requirements(folder):
    message = refused(folder({"executor.py": "import no_such_package_here"}))
    assert "no module no_such_package_here" in message
    assert "requirements.txt" in message


def test_a_missing_module_of_the_folder_says_so(folder):
    message = refused(folder({"executor.py": ONE}), uses="gone.One")
    assert "no module gone" in message


def test_what_a_module_raises_is_told(folder):
    message = refused(folder({"executor.py": "raise ValueError('at import')"}))
    assert "executor cannot be imported: ValueError: at import" in message


def test_a_syntax_error_is_told(folder):
    assert "SyntaxError" in refused(folder({"executor.py": "class One(Executor"}), uses="One")


def test_a_file_that_hides_a_module_of_pythons_is_refused(folder):
    assert "queue in the Executor's folder has the name of Python's own module" in refused(
        folder({"queue.py": ONE})
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jtipe: One", "config.yml has the key 'jtipe', which no one reads. Did you mean 'jtype'?"),
        ("zzz: 1", "It may have: jtype, with, py_modules, metas, requests."),
        ("with: 3", "'with' cannot be 3"),
        ("- a", "is not a mapping"),
        ("with: {", "is not YAML"),
        ("with: {key: '${{ ENV.NOT_SET_ANYWHERE }}'}", "ENV.NOT_SET_ANYWHERE }}, which is not set"),
    ],
)
def test_a_bad_configuration_says_what_is_wrong(folder, text, message):
    assert message in refused(folder({"executor.py": ONE, "config.yml": text}))


def test_a_configuration_that_is_not_there_says_so(folder):
    assert "gone.yml cannot be read" in refused(folder({"executor.py": ONE}), uses="gone.yml")


def test_a_configuration_may_use_the_environment(folder, monkeypatch):
    monkeypatch.setenv("SIZE", "3")
    text = "with: {size: '${{ ENV.SIZE }}', path: 'dir/${{ENV.SIZE}}'}"
    arguments = loaded(folder({"executor.py": ONE, "config.yml": text})).arguments
    assert arguments == {"size": 3, "path": "dir/3"}


def test_an_empty_configuration_is_fine(folder):
    assert name_of(folder({"executor.py": ONE, "config.yml": "# nothing\n"})) == "One"
