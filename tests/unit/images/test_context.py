"""A build context has one digest for one content, and the archive holds just that content."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containerflow.errors import SourceError
from containerflow.images.context import (
    NEVER_COPIED,
    Context,
    Entry,
    folder_entries,
    read_ignore_file,
)

names = st.text("abc", min_size=1, max_size=3)
entries = st.builds(Entry, names, st.binary(max_size=8), executable=st.booleans())
files = st.lists(entries, max_size=6, unique_by=lambda entry: entry.path)


@given(files, st.randoms())
def test_the_order_of_files_does_not_count(some: list[Entry], random: Random) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)
    assert Context.of(some).tag() == Context.of(shuffled).tag()


@given(files, files)
def test_different_content_has_a_different_tag(some: list[Entry], others: list[Entry]) -> None:
    same_content = Context.of(some) == Context.of(others)
    assert (Context.of(some).tag() == Context.of(others).tag()) == same_content


@given(files, st.dictionaries(names, names, max_size=3), st.dictionaries(names, names, max_size=3))
def test_arguments_count(some: list[Entry], one: dict[str, str], other: dict[str, str]) -> None:
    context = Context.of(some)
    assert (context.tag(one) == context.tag(other)) == (one == other)


@given(files)
def test_the_archive_holds_every_entry(some: list[Entry]) -> None:
    with Context.of(some).archive() as file, tarfile.open(fileobj=file) as archive:
        held = {
            member.name: (archive.extractfile(member).read(), member.mode)  # type: ignore[union-attr]
            for member in archive
        }
    assert held == {entry.path: (entry.content, entry.mode) for entry in some}


def test_a_file_on_disk_and_its_bytes_are_the_same_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    assert Context.of([Entry("a", tmp_path / "a")]).tag() == Context.of([Entry("a", b"1")]).tag()


def test_what_no_executor_needs_and_what_dockerignore_names_is_left_out(tmp_path: Path) -> None:
    for name in (
        "executor.py",
        "model/weights.bin",
        "model/notes.md",
        ".git/HEAD",
        "__pycache__/executor.pyc",
        "model/__pycache__/x.pyc",
        ".venv/bin/python",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("# notes\n\n**/*.md\n")
    patterns = [*NEVER_COPIED, *read_ignore_file(tmp_path)]
    found = {entry.path for entry in folder_entries(tmp_path, patterns)}
    assert found == {".dockerignore", "executor.py", "model", "model/weights.bin"}


def test_links_stay_links_and_the_run_bit_is_the_only_one_that_counts(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o700)
    (tmp_path / "plain").write_text("")
    (tmp_path / "plain").chmod(0o600)
    os.symlink("tool", tmp_path / "link")
    context = Context.of(folder_entries(tmp_path, []))
    with context.archive() as file, tarfile.open(fileobj=file) as archive:
        members = {member.name: member for member in archive}
    assert members["link"].linkname == "tool"
    assert (members["tool"].mode, members["plain"].mode) == (0o755, 0o644)
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.txt: No such file"):
        Context.of([Entry("gone.txt", tmp_path / "gone.txt")]).tag()
