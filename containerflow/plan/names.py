"""Names of services, volumes and Flows as DNS labels, no two of which may fall together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from containerflow.errors import PlanError
from containerflow.flow.graph import GATEWAY

LONGEST_LABEL = 63
_UNFIT = re.compile(r"[^a-z0-9]+")


def dns_label(name: str) -> str:
    """A name as a DNS label: lower case, all but letters and digits made into dashes.

    Example:
        >>> dns_label("My_Encoder")
        'my-encoder'
    """
    return _UNFIT.sub("-", name.lower()).strip("-")


def service_names(executors: Iterable[str]) -> Mapping[str, str]:
    """The service of each Executor, under the name by which other containers find it.

    Raises:
        PlanError: Two Executors would have one service name.
    """
    taken = {GATEWAY: GATEWAY}
    services: dict[str, str] = {}
    for executor in executors:
        label = dns_label(executor)
        if label in taken:
            other = taken[label]
            whose = "the Gateway has" if other == GATEWAY else f"Executor `{other}` has"
            raise PlanError(
                f"Executor `{executor}` would be found on the network as `{label}`, and "
                f"{whose} that name already.",
                remedy="Upper and lower case, and `_` and `-`, are the same there: rename one.",
            )
        taken[label] = executor
        services[executor] = label
    return services


def joined_label(parts: Iterable[str], what: str) -> str:
    """One DNS label of several.

    Raises:
        PlanError: It is too long for one.
    """
    label = "-".join(parts)
    if len(label) > LONGEST_LABEL:
        raise PlanError(
            f"{what} would be named `{label}`, which is longer than the {LONGEST_LABEL} "
            "characters that a DNS label has.",
            remedy="Give the Flow or the Executor a shorter name.",
        )
    return label
