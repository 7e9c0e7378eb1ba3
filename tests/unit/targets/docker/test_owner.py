import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containerflow.targets.docker.owner import Owner

PRINT_OWNER = (
    "from containerflow.targets.docker.owner import Owner; print(Owner.current().label, flush=True)"
)


def test_the_process_that_asks_is_alive() -> None:
    assert Owner.current().state == "alive"
    assert Owner.current().pid == os.getpid()


def test_another_living_process_is_alive_until_it_has_ended() -> None:
    code = f"{PRINT_OWNER}; input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        owner = Owner.parse(process.stdout.readline().strip())
        assert owner is not None
        assert owner.pid == process.pid
        assert owner.state == "alive"
        process.communicate("\n")
    assert owner.state == "dead"


def test_a_killed_process_is_dead_although_its_parent_has_not_noticed() -> None:
    code = f"{PRINT_OWNER}; input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        owner = Owner.parse(process.stdout.readline().strip())
        assert owner is not None
        process.kill()
        # Waits for the end without collecting it, so that it stays a zombie.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner.state == "dead"
    finally:
        process.communicate()


def test_a_reused_process_id_is_not_taken_for_the_owner() -> None:
    assert replace(Owner.current(), started="1").state == "dead"


def test_an_owner_before_the_last_boot_of_this_machine_is_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Small systems have no machine id, and then nothing is sure.
    monkeypatch.setattr("containerflow.targets.docker.owner._machine", lambda: "this one")
    assert replace(Owner.current(), boot="earlier").state == "dead"


@pytest.mark.parametrize(
    "changes",
    [
        {"machine": "another", "boot": "another"},
        {"machine": "", "boot": "another"},
        {"namespace": "1"},
    ],
    ids=["another machine", "a container without identity", "another PID namespace"],
)
def test_an_owner_that_cannot_be_seen_from_here_is_unknown(changes: dict[str, str]) -> None:
    assert replace(Owner.current(), **changes).state == "unknown"


def test_nobody_is_always_alive() -> None:
    assert Owner.detached().state == "alive"
    assert Owner.detached().is_detached


FIELD = st.text(st.characters(categories=["L", "N"]), max_size=12)


@given(FIELD, FIELD, FIELD, st.integers(1, 2**22), FIELD)
def test_a_label_reads_back_as_the_owner_that_wrote_it(
    machine: str, boot: str, namespace: str, pid: int, started: str
) -> None:
    owner = Owner(machine, boot, namespace, pid, started)
    assert Owner.parse(owner.label) == owner


@given(st.text())
def test_any_other_text_is_nobody_that_could_be_judged_dead(text: str) -> None:
    owner = Owner.parse(text)
    assert owner is None or owner.label == text
