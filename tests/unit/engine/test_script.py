"""The script that sees to it that an engine answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="the script asks with the interpreter in .venv"
)


def test_an_engine_that_the_user_chose_is_never_replaced_by_another(tmp_path: Path) -> None:
    chosen = f"unix://{tmp_path}/none.sock"
    done = subprocess.run(
        [ROOT / "scripts/engine"],
        env={**os.environ, "DOCKER_HOST": chosen},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert chosen in line
    assert "unset DOCKER_HOST" in line
