"""Images: what is in them, when they are built again, and what is said when they cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import docker
import docker.errors
import pytest

from containerflow.errors import BuildError, ImageNotFoundError, SourceError
from containerflow.images import build as build_module
from containerflow.images import prepare as prepare_module
from containerflow.images import stages as stages_module
from containerflow.images.build import IMAGE_LABEL, Recipe
from containerflow.images.context import Context, Entry
from containerflow.images.executor import Ingredients, executor_recipe
from containerflow.images.prepare import Sources, prepare
from containerflow.images.runtime import Runtime, ensure_runtime
from containerflow.images.stages import STAGE_LABEL, remove_stages
from containerflow.plan.model import FLOW_LABEL, Build
from containerflow.progress import Silent, Step
from tests.unit.images.plans import make_plan, make_service

pytestmark = pytest.mark.engine

FLOW = f"images-test-{os.getpid()}"
Prepare = Callable[..., str]


@pytest.fixture(scope="module")
def runtime(engine: docker.APIClient) -> Runtime:
    return ensure_runtime(engine, Silent())


@pytest.fixture
def prepared(
    engine: docker.APIClient, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., str]]:
    """Prepare a Plan of one Executor with the given Build; returns its image's reference."""

    required: list[str] = []

    def building(recipe: Recipe, reference: str, *arguments: Any, **options: Any) -> None:
        if recipe.kind == "requirements":
            required.append(reference)
        build_module.build(recipe, reference, *arguments, **options)

    monkeypatch.setattr(prepare_module, "build", building)

    def run(build: Build | None, *, image: str = "", **options: bool) -> str:
        service = make_service("executor", build, image=image or f"containerflow/{FLOW}-executor")
        plan = prepare(make_plan(FLOW, service), Sources(tmp_path), engine, Silent(), **options)
        return plan.services[0].image

    yield run
    for found in engine.images(filters={"label": f"{IMAGE_LABEL}=executor"}):
        for tag in found["RepoTags"] or []:
            if tag.startswith(f"containerflow/{FLOW}-"):
                engine.remove_image(tag, force=True)
    for reference in set(required):
        if engine.images(reference):
            engine.remove_image(reference)


@dataclass
class Stages:
    """What the builds of a test left in the engine, seen before it was removed and after."""

    engine: docker.APIClient
    before: set[str]
    ids: set[str] = field(default_factory=set)

    def assert_gone(self) -> None:
        """No image holds the network's files, and some did while the build ran."""
        assert any(self.ids)
        now = {str(image["Id"]): image for image in self.engine.images(all=True)}
        assert not self.ids & set(now)
        for name in set(now) - self.before:
            # What has the label belongs to a build that somebody else runs at the same time.
            if STAGE_LABEL not in (now[name]["Labels"] or {}):
                assert not knows_network(self.engine, name)


def knows_network(engine: docker.APIClient, name: str) -> bool:
    try:
        return any("/tmp/build/network" in layer["CreatedBy"] for layer in history(engine, name))
    except docker.errors.ImageNotFound:
        return False


@pytest.fixture
def stages(engine: docker.APIClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Stages:
    seen = Stages(engine, {str(image["Id"]) for image in engine.images(all=True)})

    def removing(client: docker.APIClient, stage: str) -> None:
        labelled = client.images(all=True, filters={"label": f"{STAGE_LABEL}={stage}"})
        seen.ids |= {image["Id"] for image in labelled if knows_network(client, image["Id"])}
        remove_stages(client, stage)

    monkeypatch.setattr(build_module, "remove_stages", removing)
    return seen


def run(engine: docker.APIClient, image: str, *command: str, user: str = "") -> str:
    """What a command prints in a container of an image; the command must succeed."""
    container = engine.create_container(
        image,
        list(command),
        user=user or None,
        labels={FLOW_LABEL: FLOW},
        host_config=engine.create_host_config(read_only=True, cap_drop=["ALL"]),
    )
    try:
        engine.start(container)
        code = engine.wait(container)["StatusCode"]
        output = engine.logs(container).decode()
        assert code == 0, output
        return output
    finally:
        engine.remove_container(container, force=True)


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(textwrap.dedent(text))
    return folder


def inspect(engine: docker.APIClient, reference: str) -> dict[str, Any]:
    # The SDK's stubs leave this method, and the next, without types.
    return dict(engine.inspect_image(reference))  # type: ignore[no-untyped-call]


def history(engine: docker.APIClient, reference: str) -> list[dict[str, Any]]:
    return list(engine.history(reference))  # type: ignore[no-untyped-call]


def image_id(engine: docker.APIClient, reference: str) -> str:
    return str(inspect(engine, reference)["Id"])


# The runtime image


def test_the_runtime_image_is_small(engine: docker.APIClient, runtime: Runtime) -> None:
    assert inspect(engine, runtime.reference)["Size"] < 250e6


def test_the_runtime_runs_without_root_and_may_write_to_its_workspace(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    assert inspect(engine, runtime.reference)["Config"]["User"] == "1000:1000"
    output = run(
        engine, runtime.reference, "sh", "-c", "id -u; id -g; id -un; stat -c %u:%g:%a /workspace"
    )
    assert output.split() == ["1000", "1000", "cflow", "1000:1000:755"]


def test_nothing_of_the_build_is_left_in_the_runtime(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    listing = run(engine, runtime.reference, "find", "/", "-xdev", user="0:0")
    paths = set(listing.splitlines())
    names = {Path(path).name for path in paths}
    assert not names & {"pip", "pip3", "gcc", "cc", "ld", "strip", "pip.conf", "ca.pem"}
    assert not names & {"ca-certificates.crt", "ca-bundle.crt", "debootstrap"}
    assert not {path for path in paths if path.endswith((".deb", ".whl"))}
    assert not {path for path in paths if path.startswith("/tmp/")}
    assert not {path for path in paths if "/.cache/" in path or "/var/lib/apt/lists/" in path}


def test_no_setting_of_this_machine_is_in_the_history_of_the_runtime(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    image = inspect(engine, runtime.reference)
    steps = "\n".join(layer["CreatedBy"] for layer in history(engine, runtime.reference))
    told = steps + "\n".join(image["Config"]["Env"])
    for word in ("PIP_", "SSL_CERT", "_PROXY", "_proxy", "index-url", "cert ="):
        assert word not in told


def test_every_module_in_the_runtime_has_bytecode_that_is_used(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    program = """
        import containerflow.errors, aiohttp, pydantic, grpc, json, asyncio, sys
        from pathlib import Path
        for module in (containerflow.errors, aiohttp, pydantic, grpc, json, asyncio):
            print(module.__name__, Path(module.__cached__).is_file())
        """
    output = run(engine, runtime.reference, "python", "-c", textwrap.dedent(program))
    assert [line.split()[1] for line in output.splitlines()] == ["True"] * 6


def test_all_that_the_runtime_needs_is_in_its_image(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    program = """
        import dataclasses, importlib, pkgutil, containerflow
        for room in ("wire", "runtime", "client", "flow"):
            package = importlib.import_module(f"containerflow.{room}")
            for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
                if not module.name.endswith("__main__"):
                    importlib.import_module(module.name)
        print("imported")
        """
    output = run(engine, runtime.reference, "python", "-c", textwrap.dedent(program))
    assert output == "imported\n"


def test_a_file_that_imports_the_flow_can_be_imported_in_a_container(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    program = "from containerflow import Document, Executor, Flow, requests; print(Flow.__name__)"
    assert run(engine, runtime.reference, "python", "-c", program) == "Flow\n"


def test_dumb_init_and_the_probe_are_where_the_plan_calls_them(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    server = (
        "import http.server, threading, subprocess\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200 if self.path == '/readyz' else 503)\n"
        "        self.end_headers()\n"
        "    def log_message(self, *parts): pass\n"
        "server = http.server.HTTPServer(('127.0.0.1', 9464), Handler)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "for path, port in (('/readyz', '9464'), ('/other', '9464'), ('/readyz', '9465')):\n"
        "    probe = ['/opt/containerflow/bin/probe', port, path]\n"
        "    print(subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0)\n"
    )
    init = "/opt/containerflow/bin/dumb-init"
    python = "/opt/containerflow/bin/python"
    output = run(engine, runtime.reference, init, "--", python, "-c", server)
    assert output.split() == ["True", "False", "False"]


# An Executor's folder


def test_a_folder_becomes_the_source_directory_and_its_requirements_are_installed(
    engine: docker.APIClient, prepared: Prepare, tmp_path: Path
) -> None:
    write(
        tmp_path / "encoder",
        executor_dot_py="import iniconfig\n",
        requirements_dot_txt="containerflow>=0.1  # is there\niniconfig==2.0.0\n",
        broken_dot_py="this is not Python",
    )
    image = prepared(Build("directory", "encoder"))
    program = (
        "import executor, iniconfig, importlib.metadata as m; from pathlib import Path;"
        "print(executor.__file__, Path(executor.__cached__).exists(), m.version('iniconfig'))"
    )
    output = run(engine, image, "python", "-c", program)
    assert output.split() == ["/app/executor.py", "True", "2.0.0"]
    left = run(engine, image, "sh", "-c", "ls /tmp /opt; ls /opt/executor/bin /root 2>&1 || true")
    assert "pip" not in left
    assert "build" not in left


def test_the_same_content_is_not_built_again(
    engine: docker.APIClient, prepared: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "encoder", executor_dot_py="x = 1\n")
    first = prepared(Build("directory", "encoder"))
    before = image_id(engine, first)
    os.utime(tmp_path / "encoder/executor.py", (1, 1))
    (tmp_path / "encoder/executor.py").chmod(0o600)
    write(tmp_path / "encoder/__pycache__", junk_dot_pyc="x")
    assert prepared(Build("directory", "encoder")) == first
    assert image_id(engine, first) == before


def test_a_changed_file_gives_another_tag(prepared: Prepare, tmp_path: Path) -> None:
    write(tmp_path / "encoder", executor_dot_py="x = 1\n")
    first = prepared(Build("directory", "encoder"))
    write(tmp_path / "encoder", executor_dot_py="x = 2\n")
    assert prepared(Build("directory", "encoder")) != first


def test_rebuild_builds_although_the_image_is_there(
    engine: docker.APIClient, prepared: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "encoder", executor_dot_py="x = 1\n")
    first = prepared(Build("directory", "encoder"))
    before = image_id(engine, first)
    assert prepared(Build("directory", "encoder"), rebuild=True) == first
    assert image_id(engine, first) != before


def test_with_no_rebuild_a_missing_image_is_named(prepared: Prepare, tmp_path: Path) -> None:
    write(tmp_path / "encoder", executor_dot_py="x = 1\n")
    with pytest.raises(ImageNotFoundError, match=f"{FLOW}-executor:[0-9a-f]{{16}}"):
        prepared(Build("directory", "encoder"), no_rebuild=True)
    built = prepared(Build("directory", "encoder"))
    assert prepared(Build("directory", "encoder"), no_rebuild=True) == built


def test_two_services_of_one_source_share_an_image(
    engine: docker.APIClient, prepared: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "encoder", executor_dot_py="x = 1\n")
    services = [
        make_service(name, Build("directory", "encoder"), image=f"containerflow/{FLOW}-{name}")
        for name in ("left", "right")
    ]
    plan = prepare(make_plan(FLOW, *services), Sources(tmp_path), engine, Silent())
    left, right = (service.image for service in plan.services)
    assert left.split(":")[0].endswith("left")
    assert right.split(":")[0].endswith("right")
    assert image_id(engine, left) == image_id(engine, right)


def test_a_volume_made_from_the_image_can_be_written_without_root(
    engine: docker.APIClient, prepared: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "encoder", executor_dot_py="x = 1\n")
    image = prepared(Build("directory", "encoder", owned_paths=("/index/deep", "/workspace")))
    assert run(engine, image, "stat", "-c", "%u:%g", "/index/deep").strip() == "1000:1000"


def test_a_dockerfile_in_the_folder_wins(
    engine: docker.APIClient, prepared: Prepare, tmp_path: Path
) -> None:
    write(
        tmp_path / "encoder",
        executor_dot_py="x = 1\n",
        secret_dot_txt="hidden",
        _dot_dockerignore="secret.txt\n",
        Dockerfile="""\
            ARG CFLOW_RUNTIME
            FROM ${CFLOW_RUNTIME}
            COPY . /app/
            ENV GREETING=hello
            """,
    )
    image = prepared(Build("directory", "encoder", owned_paths=("/index",)))
    output = run(engine, image, "sh", "-c", "echo $GREETING; ls /app; stat -c %u /index; id -u")
    assert output.split() == ["hello", "Dockerfile", "executor.py", "1000", "1000"]
    assert inspect(engine, image)["Config"]["Labels"][IMAGE_LABEL] == "executor"


def test_a_missing_folder_is_named_with_its_executor(prepared: Prepare, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'executor' uses 'nowhere', but .*/nowhere does not"):
        prepared(Build("directory", "nowhere"))


def test_an_image_that_does_not_exist_says_that_neither_side_has_it(prepared: Prepare) -> None:
    with pytest.raises(ImageNotFoundError, match=r"The engine has no image .* and no registry"):
        prepared(None, image="containerflow-test/does-not-exist:1")


def test_an_image_that_is_here_is_used_as_it_is(prepared: Prepare, runtime: Runtime) -> None:
    assert prepared(None, image=runtime.reference) == runtime.reference


def test_a_failing_build_shows_its_last_lines(prepared: Prepare, tmp_path: Path) -> None:
    write(
        tmp_path / "encoder",
        executor_dot_py="",
        requirements_dot_txt="iniconfig==0.0.0.1\n",
    )
    with pytest.raises(BuildError) as raised:
        prepared(Build("directory", "encoder"))
    assert "No matching distribution found for iniconfig==0.0.0.1" in raised.value.log
    assert "RUN install-requirements" in raised.value.message


def test_a_build_that_fails_beside_another_is_the_error(
    engine: docker.APIClient, runtime: Runtime, prepared: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "good", executor_dot_py="x = 1\n")
    write(tmp_path / "bad", Dockerfile="ARG CFLOW_RUNTIME\nFROM ${CFLOW_RUNTIME}\nRUN exit 3\n")
    services = [
        make_service(name, Build("directory", name), image=f"containerflow/{FLOW}-{name}")
        for name in ("good", "bad")
    ]
    with pytest.raises(BuildError, match=r"containerflow/.*-bad:\w+ failed at `RUN exit 3`"):
        prepare(make_plan(FLOW, *services), Sources(tmp_path), engine, Silent())


# The network's files


def test_no_image_holds_the_networks_files_after_a_build(
    engine: docker.APIClient, prepared: Prepare, stages: Stages, tmp_path: Path
) -> None:
    mark = f"# {uuid4().hex}"
    write(tmp_path / "a", executor_dot_py="", requirements_dot_txt=f"iniconfig==2.0.0\n{mark}\n")
    image = prepared(Build("directory", "a"))
    stages.assert_gone()
    assert not knows_network(engine, image)
    assert STAGE_LABEL not in inspect(engine, image)["Config"]["Labels"]


def test_no_image_holds_the_networks_files_after_a_build_that_failed(
    prepared: Prepare, stages: Stages, tmp_path: Path
) -> None:
    mark = f"# {uuid4().hex}"
    write(tmp_path / "a", executor_dot_py="", requirements_dot_txt=f"iniconfig==0.0.1a1\n{mark}\n")
    with pytest.raises(BuildError):
        prepared(Build("directory", "a"))
    stages.assert_gone()


def test_no_image_holds_the_networks_files_after_a_build_that_was_broken_off(
    engine: docker.APIClient, runtime: Runtime, stages: Stages, tmp_path: Path
) -> None:
    text = f"iniconfig==2.0.0\n# {uuid4().hex}\n"
    below = executor_recipe(Ingredients((), text), "containerflow/x", runtime).below
    assert below is not None
    stop = Event()

    class Stopping(Silent):
        @contextmanager
        def step(self, text: str) -> Iterator[Step]:
            class Watch(Step):
                def note(self, text: str) -> None:
                    if "RUN install-requirements" in text:
                        stop.set()

            yield Watch()

    with pytest.raises(BuildError, match="broken off"):
        build_module.build(below, below.reference, engine, Stopping(), stop=stop)
    stages.assert_gone()
    assert not engine.images(below.reference)


@pytest.mark.parametrize(("age", "stays"), [(600.0, True), (-1.0, False)])
def test_what_a_killed_build_left_is_removed_once_it_is_old(
    engine: docker.APIClient, monkeypatch: pytest.MonkeyPatch, age: float, stays: bool
) -> None:
    # A label of its own, so that builds of others are not touched.
    label = f"io.containerflow.test-{uuid4().hex}"
    monkeypatch.setattr(stages_module, "STAGE_LABEL", label)
    monkeypatch.setattr(stages_module, "_OLD_SECONDS", age)
    dockerfile = f"FROM scratch\nLABEL {label}=1\nENV A=1\nENV B=2\n"
    context = Context.of([Entry("Dockerfile", dockerfile.encode())])
    with context.archive() as archive:
        list(engine.build(fileobj=archive, custom_context=True, rm=True))
    try:
        stages_module.remove_old_stages(engine)
        assert bool(engine.images(all=True, filters={"label": label})) == stays
    finally:
        remove_stages(engine, "1")
    assert not engine.images(all=True, filters={"label": label})


def test_the_builder_and_the_runtime_know_nothing_of_the_network(
    engine: docker.APIClient, runtime: Runtime
) -> None:
    assert not knows_network(engine, runtime.builder)
    assert not knows_network(engine, runtime.reference)


def test_an_edit_of_the_source_installs_nothing(
    engine: docker.APIClient, prepared: Prepare, stages: Stages, tmp_path: Path
) -> None:
    write(
        tmp_path / "a",
        executor_dot_py="x = 1",
        requirements_dot_txt=f"iniconfig==2.0.0\n# {uuid4().hex}\n",
    )
    first = prepared(Build("directory", "a"))
    assert stages.ids
    stages.ids.clear()
    write(tmp_path / "a", executor_dot_py="x = 2")
    second = prepared(Build("directory", "a"))
    assert second != first
    assert not stages.ids
    assert run(engine, second, "python", "-c", "import executor, iniconfig; print(executor.x)") == (
        "2\n"
    )


def test_a_dockerfile_that_asks_for_it_gets_the_requirements_installed(
    engine: docker.APIClient, prepared: Prepare, stages: Stages, tmp_path: Path
) -> None:
    write(
        tmp_path / "a",
        executor_dot_py="",
        requirements_dot_txt=f"iniconfig==2.0.0\n# {uuid4().hex}\n",
        Dockerfile="ARG CFLOW_REQUIREMENTS\nFROM ${CFLOW_REQUIREMENTS}\nCOPY . /app/\n",
    )
    image = prepared(Build("directory", "a"))
    assert run(engine, image, "python", "-c", "import iniconfig; print('here')") == "here\n"
    stages.assert_gone()


def test_a_dockerfile_that_fails_is_told_the_way_to_install(
    prepared: Prepare, tmp_path: Path
) -> None:
    write(tmp_path / "a", Dockerfile="ARG CFLOW_RUNTIME\nFROM ${CFLOW_RUNTIME}\nRUN exit 3\n")
    with pytest.raises(BuildError) as raised:
        prepared(Build("directory", "a"))
    assert "FROM ${CFLOW_REQUIREMENTS}" in raised.value.remedy


# The class of a script

SCRIPT = """\
    import json
    import neighbour
    from containerflow import Executor, Flow, requests

    GREETING = json.loads('"hello"')

    class Greeter(Executor):
        @requests
        def greet(self, docs, **kwargs):
            return docs

        def words(self):
            return GREETING + neighbour.NAME

    {guard}flow = Flow().add(uses=Greeter)
    {guard}raise RuntimeError("the script ran in the container")
    """


@pytest.mark.parametrize("guard", ["", 'if __name__ == "__main__": '])
def test_the_class_of_a_script_is_cut_out_of_it(
    engine: docker.APIClient, prepared: Prepare, tmp_path: Path, guard: str
) -> None:
    text = textwrap.dedent(SCRIPT).format(guard=guard)
    write(
        tmp_path,
        script_dot_py=text,
        neighbour_dot_py="NAME = ' world'\n",
        unrelated_dot_py="",
        requirements_dot_txt="iniconfig==2.0.0\n",
    )
    image = prepared(Build("module", "script.py", entry="Greeter"))
    program = "import script, os, iniconfig; print(script.Greeter.words(None)); print(os.listdir())"
    greeting, files = run(engine, image, "python", "-c", program).splitlines()
    assert greeting == "hello world"
    assert "unrelated.py" not in files


def test_a_class_that_is_in_memory_only_becomes_an_image(
    engine: docker.APIClient, runtime: Runtime, prepared: Prepare, tmp_path: Path
) -> None:
    texts = {"notebook.py": "class Answer:\n    value = 42\n\nprint('not in the container')\n"}
    service = make_service(
        "executor",
        Build("module", "notebook.py", entry="Answer"),
        image=f"containerflow/{FLOW}-executor",
    )
    plan = prepare(make_plan(FLOW, service), Sources(tmp_path, texts), engine, Silent())
    program = "import notebook; print(notebook.Answer.value)"
    assert run(engine, plan.services[0].image, "python", "-c", program) == "42\n"


def test_scripts_find_that_the_images_are_there(runtime: Runtime) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [root / "scripts/images"],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Building" not in done.stdout + done.stderr
