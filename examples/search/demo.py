"""Search Python's standard library: start the Flow, index its docstrings, ask, stop.

python examples/search/demo.py            # the index is kept for the next time
python examples/search/demo.py --fresh    # from nothing
python examples/search/demo.py --keep "read a zip archive" "sort a list"
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import corpus
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from containerflow import ContainerflowError, Document, Flow
from containerflow.engine.connection import connect
from containerflow.images.prepare import Sources, prepare
from containerflow.progress import Progress, Step
from containerflow.targets import docker
from containerflow.terminal import show_error, terminal_progress
from containerflow.terminal.console import duration

HERE = Path(__file__).parent
QUERIES = (
    "escape special characters in HTML",
    "wait until several threads have arrived",
    "guess the type of a file by its name",
)
BATCH = 500


class Stopwatch:
    """How long each step took, in the order of the steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = time.perf_counter() - began


@click.command()
@click.argument("queries", nargs=-1)
@click.option("--fresh", is_flag=True, help="Remove the kept index first.")
@click.option("--limit", default=0, help="Index only so many documents; 0 is all.")
def main(queries: tuple[str, ...], fresh: bool, limit: int) -> None:
    """Start the Flow of flow.yml, index the corpus where needed, ask QUERIES, stop."""
    try:
        demonstrate(queries or QUERIES, fresh=fresh, limit=limit)
    except ContainerflowError as error:
        show_error(error)
        sys.exit(1)


def demonstrate(queries: tuple[str, ...], *, fresh: bool, limit: int) -> None:
    console = Console(highlight=False, emoji=False)
    progress = terminal_progress()
    watch = Stopwatch()
    flow = Flow.load_config(HERE / "flow.yml")
    engine = connect()
    if fresh:
        docker.down(engine, flow.lower().name, volumes=True)
    with watch.time("read the corpus"), progress.step("Reading docstrings"):
        entries = corpus.build(limit=limit)
        version = corpus.version(entries)
    # A start does this by itself; done here, it has a time of its own.
    with watch.time("provide the images"):
        prepare(flow.lower(), Sources(root=HERE, texts={}), engine, progress)
    with watch.time("start"):
        flow.start()
    try:
        status = ask(flow, "/status")
        if status.version == version and status.documents == len(entries):
            progress.say(f"Found the kept index of {len(entries):,} documents.")
        else:
            with watch.time(f"index {len(entries):,} documents"):
                index(flow, entries, version, progress)
        for number, query in enumerate(queries, start=1):
            with watch.time(f"query {number}"):
                answer = ask(flow, "/search", text=query)
            console.print(matches_table(answer))
    finally:
        with watch.time("stop"), progress.step("Stopping"):
            flow.close()
    console.print(times_table(watch))


def index(flow: Flow, entries: list[corpus.Entry], version: str, progress: Progress) -> None:
    """Send the corpus in batches, then let it answer."""
    parameters = {"version": version}
    with progress.step(f"Indexing {len(entries):,} documents") as step:
        taken = flow.post(
            "/index", inputs=documents(entries, step), parameters=parameters, request_size=BATCH
        )
        missed = [doc.id for doc in taken if not doc.indexed]
        if missed or len(taken) != len(entries):
            raise ContainerflowError(
                f"{len(taken) - len(missed)} of {len(entries)} documents were indexed.",
                remedy=f"Missed were {', '.join(missed[:3]) or 'some'}: see `cflow logs search`.",
            )
        step.note("fitting the vector model")
        flow.post("/commit", inputs=[Document()], parameters=parameters)


def documents(entries: list[corpus.Entry], step: Step) -> Iterator[Document]:
    """One document an entry; the step tells how far they have been taken."""
    for number, entry in enumerate(entries):
        if number % BATCH == 0:
            step.note(f"{number:,} sent")
        yield Document(id=entry.id, kind=entry.kind, text=entry.text)


def ask(flow: Flow, endpoint: str, **fields: Any) -> Any:
    """Send one document with the given fields, and take the one that comes back."""
    [answer] = flow.post(endpoint, inputs=[Document(**fields)])
    return answer


def matches_table(answer: Any) -> Table:
    """What was found for one query; the last columns are the ranks in the two indexes."""
    table = Table(title=answer.text, title_justify="left", box=box.SIMPLE_HEAD, expand=True)
    table.add_column("match", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("lexical", justify="right")
    table.add_column("vector", justify="right")
    for match in answer.matches:
        ranks = (match["lexical_rank"], match["vector_rank"])
        cell = Text.assemble((match["id"], "bold"), "\n  ", (match["summary"], "dim"))
        table.add_row(cell, *(str(rank or "-") for rank in ranks))
    return table


def times_table(watch: Stopwatch) -> Table:
    table = Table(title="How long it took", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("step")
    table.add_column("time", justify="right")
    for step, seconds in watch.seconds.items():
        table.add_row(step, duration(seconds))
    return table


if __name__ == "__main__":
    main()
