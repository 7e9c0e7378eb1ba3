"""The Executor class: what an instance knows, and when."""

import logging
from pathlib import Path

import pytest

from containerflow import Executor
from containerflow.runtime.executor.base import Place, instantiate


class Curious(Executor):
    """Does not call super().__init__(), as users do not."""

    def __init__(self, size=1):
        self.size = size
        self.seen = (self.name, self.workspace, self.runtime_args.shard_id, self.metas.name)
        self.logger.info("made")


def test_an_instance_knows_its_place_before_its_init_begins(tmp_path):
    place = Place(
        name="indexer", workspace=str(tmp_path), shard_id=2, shards=3, replicas=4,
        metas={"description": "an index"}, runtime_args={"flow": "search"},
    )  # fmt: skip
    made = instantiate(Curious, place, {"size": 5})
    assert made.size == 5
    assert made.seen == ("indexer", str(tmp_path / "indexer" / "2"), 2, "indexer")
    assert made.metas.description == "an index"
    assert (made.runtime_args.shards, made.runtime_args.replicas) == (3, 4)
    assert made.runtime_args.flow == "search"


def test_an_instance_made_by_hand_has_defaults(caplog):
    caplog.set_level(logging.INFO)
    made = Curious()
    assert made.name == "Curious"
    assert made.runtime_args.shard_id == 0
    assert Path(made.workspace).is_dir()
    assert made.workspace == made.workspace
    assert "made" in caplog.text


def test_the_workspace_is_made_at_its_first_use(tmp_path):
    made = instantiate(Executor, Place(name="idle", workspace=str(tmp_path)), {})
    assert not list(tmp_path.iterdir())
    assert Path(made.workspace) == tmp_path / "idle" / "0"
    assert Path(made.workspace).is_dir()


def test_a_subclass_may_pass_on_whatever_it_was_given():
    class Passing(Executor):
        def __init__(self, greeting, **kwargs):
            super().__init__(**kwargs)
            self.greeting = greeting

    assert instantiate(Passing, Place(name="p"), {"greeting": "hi", "other": 1}).greeting == "hi"


def test_what_init_raises_is_raised():
    class Broken(Executor):
        def __init__(self):
            raise ValueError("no model")

    with pytest.raises(ValueError, match="no model"):
        instantiate(Broken, Place(name="b"), {})


def test_two_instances_do_not_share_their_place(tmp_path):
    first = instantiate(Executor, Place(name="a", workspace=str(tmp_path)), {})
    second = instantiate(Executor, Place(name="b", workspace=str(tmp_path), shard_id=1), {})
    assert (first.name, second.name) == ("a", "b")
    assert first.workspace != second.workspace
