"""A Plan as text for people."""

from __future__ import annotations

from typing import Any

import yaml

from containerflow.plan.model import Plan


def render(plan: Plan) -> str:
    """Write a Plan as YAML: every field, in the order of the model.

    Environment and labels are mappings, the mode of scratch memory is octal, and the digest stands
    at the end. Equal Plans give equal texts, so that two of them can be compared with diff.

    Args:
        plan: What to write.
    """
    mapping = plan.to_dict()
    for service in mapping["services"]:
        service["environment"] = dict(service["environment"])
        service["labels"] = dict(service["labels"])
        for scratch in service["scratch"]:
            scratch["mode"] = f"{scratch['mode']:o}"
    mapping["digest"] = plan.digest()
    return yaml.dump(mapping, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=2**31)


class _Writer(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Every service is written out, so that each can be read by itself."""
        return True

    def represent_list(self, data: Any) -> yaml.SequenceNode:
        """Lists of words, such as a command, stand in one line."""
        is_short = all(isinstance(item, str | int) for item in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=is_short)


_Writer.add_representer(list, _Writer.represent_list)
