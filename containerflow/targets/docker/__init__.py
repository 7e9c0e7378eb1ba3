"""The Docker target: run a Plan as containers of an engine, now."""

from containerflow.targets.docker.addresses import Address
from containerflow.targets.docker.deployment import Deployment
from containerflow.targets.docker.inventory import ContainerStatus, PublishedPort, ps
from containerflow.targets.docker.logs import LogLine, logs
from containerflow.targets.docker.owner import Owner
from containerflow.targets.docker.removal import Removed, down, prune
from containerflow.targets.docker.start import up

__all__ = [
    "Address",
    "ContainerStatus",
    "Deployment",
    "LogLine",
    "Owner",
    "PublishedPort",
    "Removed",
    "down",
    "logs",
    "prune",
    "ps",
    "up",
]
