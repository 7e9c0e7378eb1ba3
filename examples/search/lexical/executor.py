"""Finds documents by their words: BM25 over an inverted index, by tantivy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import tantivy
from pydantic import BaseModel, Field

from containerflow import Document, Executor, requests


class Entry(Document):
    """A cleaned document."""

    kind: str
    name_terms: str
    terms: str
    summary: str


class Taken(Document):
    """Says that a document is in the index that is being written."""

    in_lexical: bool


class Query(Document):
    """A cleaned query."""

    text: str
    terms: str


class Hit(BaseModel):
    """A document that was found, and its score."""

    id: str
    kind: str
    summary: str
    score: float


class Answer(Query):
    """The query with its hits, best first."""

    lexical_hits: list[Hit]


class IndexState(BaseModel):
    """How many documents the index holds, and of which version of the corpus."""

    documents: int = 0
    version: str = ""


class Status(Document):
    """The state of this index."""

    lexical: IndexState = IndexState()


class Edition(BaseModel):
    """Which version of the corpus a request belongs to."""

    version: str


class Depth(BaseModel):
    """How many hits a query takes from this index."""

    depth: int = Field(default=50, ge=1, le=1000)


class Lexical(Executor):
    """A tantivy index that outlives restarts.

    A new version is written beside the one that answers, and takes its place at `/commit`.

    Args:
        name_boost: How much more a word in the name counts than one in the text.
    """

    def __init__(self, name_boost: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._name_boost = name_boost
        self._home = Path(self.workspace)
        self._state = IndexState()
        self._index: tantivy.Index | None = None
        self._writer: tantivy.IndexWriter | None = None
        self._next = ""
        kept = self._home / "current.json"
        if kept.is_file():
            self._open(IndexState.model_validate_json(kept.read_text()))

    @requests(on="/index")
    def add(self, docs: list[Entry], parameters: Edition) -> list[Taken]:
        """Write documents to the version that `parameters` names."""
        if self._writer is None or self._next != parameters.version:
            self._begin(parameters.version)
        assert self._writer is not None
        for doc in docs:
            self._writer.delete_documents("id", doc.id)
            self._writer.add_document(
                tantivy.Document(
                    id=doc.id,
                    kind=doc.kind,
                    summary=doc.summary,
                    name=doc.name_terms,
                    terms=doc.terms,
                )
            )
        return [Taken(id=doc.id, in_lexical=True) for doc in docs]

    @requests(on="/commit")
    def commit(self, docs: list[Document], parameters: Edition) -> list[Status]:
        """Let the version that was written answer from now on."""
        if self._writer is None or self._next != parameters.version:
            raise ValueError(f"No document of version {parameters.version} came before /commit.")
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._writer = None
        index = tantivy.Index.open(str(self._directory(self._next)))
        state = IndexState(documents=index.searcher().num_docs, version=self._next)
        (self._home / "next.json").write_text(json.dumps(state.model_dump()))
        (self._home / "next.json").replace(self._home / "current.json")
        old = self._state.version
        self._open(state)
        if old and old != state.version:
            shutil.rmtree(self._directory(old), ignore_errors=True)
        return self.status(docs)

    @requests(on="/status")
    def status(self, docs: list[Document]) -> list[Status]:
        """How many documents answer, and of which version."""
        return [Status(id=doc.id, lexical=self._state) for doc in docs]

    @requests(on="/search")
    def search(self, docs: list[Query], parameters: Depth) -> list[Answer]:
        """Find the documents whose words fit best."""
        return [
            Answer(
                id=doc.id,
                text=doc.text,
                terms=doc.terms,
                lexical_hits=self._hits(doc.terms, parameters.depth),
            )
            for doc in docs
        ]

    def _hits(self, terms: str, depth: int) -> list[Hit]:
        if self._index is None or not terms:
            return []
        searcher = self._index.searcher()
        query = self._index.parse_query(
            terms, ["name", "terms"], field_boosts={"name": self._name_boost}
        )
        hits = []
        for score, address in searcher.search(query, depth).hits:
            stored = searcher.doc(address)
            hits.append(
                Hit(
                    id=stored.get_first("id"),
                    kind=stored.get_first("kind"),
                    summary=stored.get_first("summary"),
                    score=score,
                )
            )
        return hits

    def _begin(self, version: str) -> None:
        directory = self._directory(version)
        if version == self._state.version:
            raise ValueError(f"Version {version} is indexed already; /status says so.")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw")
        builder.add_text_field("kind", stored=True, tokenizer_name="raw")
        builder.add_text_field("summary", stored=True, tokenizer_name="raw")
        builder.add_text_field("name", tokenizer_name="whitespace")
        builder.add_text_field("terms", tokenizer_name="whitespace")
        index = tantivy.Index(builder.build(), path=str(directory))
        self._writer = index.writer(heap_size=32_000_000, num_threads=1)
        self._next = version

    def _open(self, state: IndexState) -> None:
        self._index = tantivy.Index.open(str(self._directory(state.version)))
        self._state = state

    def _directory(self, version: str) -> Path:
        return self._home / f"index-{version}"
