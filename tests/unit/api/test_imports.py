"""What an import costs: an Executor's process and the command line pay for what they use alone."""

import json
import subprocess
import sys

import pytest

HEAVY = ("docker", "rich", "yaml", "pydantic", "grpc", "aiohttp", "containerflow.flow")


def loaded_by(statement: str) -> set[str]:
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_none_of_its_rooms() -> None:
    loaded = loaded_by("import containerflow")
    assert {name for name in loaded if name.startswith("containerflow.")} == {
        "containerflow._version"
    }


def test_importing_flow_loads_nothing_that_starting_one_needs() -> None:
    assert not loaded_by("from containerflow import Flow").intersection(HEAVY)


def test_importing_what_an_executor_needs_loads_nothing_that_starts_flows() -> None:
    loaded = loaded_by("from containerflow import Document, Executor, requests")
    assert not loaded.intersection({"docker", "rich", "yaml", "grpc", "aiohttp"})
    assert not {name for name in loaded if name.startswith("containerflow.flow")}


def test_where_only_the_runtime_is_installed_flow_can_be_imported() -> None:
    missing = ("docker", "rich", "click", "containerflow.engine", "containerflow.targets")
    hide = "\n".join(f"sys.modules[{name!r}] = None" for name in missing)
    assert "containerflow.api.flow" in loaded_by(f"{hide}\nfrom containerflow import Flow")


def test_every_name_that_the_package_promises_is_there() -> None:
    import containerflow

    for name in containerflow.__all__:
        assert getattr(containerflow, name) is not None
    assert set(containerflow.__all__) <= set(dir(containerflow))


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    import containerflow

    with pytest.raises(AttributeError, match="'containerflow' has no attribute 'Flows'"):
        containerflow.Flows  # noqa: B018
