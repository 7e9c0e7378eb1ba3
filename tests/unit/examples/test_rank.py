"""The fusion of the search example."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

PATH = Path(__file__).parents[3] / "examples" / "search" / "rank" / "executor.py"
IDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


def imported() -> ModuleType:
    spec = importlib.util.spec_from_file_location("search_rank", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


RANK = imported()


def hits(ids: list[str]) -> list[object]:
    return [RANK.Hit(id=one, kind="function", summary=one, score=1.0) for one in ids]


def test_what_both_find_comes_before_what_one_finds_at_the_same_rank() -> None:
    fused = RANK.fuse(hits(["a", "b"]), hits(["c", "b"]), 60)
    assert [match.id for match in fused] == ["b", "a", "c"]
    assert (fused[0].lexical_rank, fused[0].vector_rank) == (2, 2)
    assert (fused[1].lexical_rank, fused[1].vector_rank) == (1, None)


def test_a_score_is_the_sum_of_the_reciprocal_ranks() -> None:
    [match] = RANK.fuse(hits(["a"]), hits(["a"]), 60)
    assert match.score == pytest.approx(2 / 61)


@settings(deadline=None)
@given(IDS, IDS)
def test_each_hit_is_one_match_and_scores_never_rise(left: list[str], right: list[str]) -> None:
    fused = RANK.fuse(hits(left), hits(right), 60)
    assert sorted(match.id for match in fused) == sorted({*left, *right})
    scores = [match.score for match in fused]
    assert scores == sorted(scores, reverse=True)


@settings(deadline=None)
@given(IDS)
def test_two_equal_lists_keep_their_order(ids: list[str]) -> None:
    assert [match.id for match in RANK.fuse(hits(ids), hits(ids), 60)] == ids


def test_indexes_of_two_versions_count_as_none() -> None:
    status = RANK.Status(
        lexical=RANK.IndexState(documents=9, version="new"),
        vector=RANK.IndexState(documents=9, version="old"),
    )
    told = RANK.summarise(status)
    assert (told.documents, told.version) == (0, "")
