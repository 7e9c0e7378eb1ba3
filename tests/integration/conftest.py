"""What tests against a real container engine share."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from containerflow.engine.connection import connect


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.APIClient]:
    """The engine of this machine; without one the test fails, because it cannot say anything."""
    client = connect()
    yield client
    client.close()
