"""Fuses the hits of both indexes into one list, by reciprocal rank fusion.

A document's score is the sum of 1 / (k + its rank) over the lists that hold it: Cormack, Clarke
and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
SIGIR 2009, where k = 60. Ranks need no common scale, so BM25 and cosines can be added up.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from containerflow import Document, Executor, requests


class Hit(BaseModel):
    """A document that one index found."""

    id: str
    kind: str
    summary: str
    score: float


class Query(Document):
    """A query with the hits of both branches, best first."""

    text: str
    lexical_hits: list[Hit] = Field(default_factory=list)
    vector_hits: list[Hit] = Field(default_factory=list)


class Match(BaseModel):
    """A document of the answer; a rank is None where that index did not find it."""

    id: str
    kind: str
    summary: str
    score: float
    lexical_rank: int | None = None
    vector_rank: int | None = None


class Answer(Document):
    """The query and its matches, best first."""

    text: str
    matches: list[Match]


class Taken(Document):
    """What the branches say of a document that came to be indexed."""

    in_lexical: bool = False
    in_vector: bool = False


class Indexed(Document):
    """Whether both indexes took the document."""

    indexed: bool


class IndexState(BaseModel):
    """How many documents an index holds, and of which version of the corpus."""

    documents: int = 0
    version: str = ""


class Status(Document):
    """The states of both indexes."""

    lexical: IndexState = IndexState()
    vector: IndexState = IndexState()


class Summary(Status):
    """The service as a whole: a version that both hold, or none."""

    documents: int
    version: str


class Limit(BaseModel):
    """How many matches an answer has."""

    limit: int = Field(default=5, ge=1, le=100)


class Rank(Executor):
    """Joins the branches.

    Args:
        k: Constant of the fusion: the larger, the less the first places stand out.
    """

    def __init__(self, k: int = 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._k = k

    @requests(on="/search")
    def search(self, docs: list[Query], parameters: Limit) -> list[Answer]:
        """Fuse the hits of each query."""
        return [
            Answer(
                id=doc.id,
                text=doc.text,
                matches=fuse(doc.lexical_hits, doc.vector_hits, self._k)[: parameters.limit],
            )
            for doc in docs
        ]

    @requests(on="/index")
    def taken(self, docs: list[Taken]) -> list[Indexed]:
        """Say of each document whether both indexes took it."""
        return [Indexed(id=doc.id, indexed=doc.in_lexical and doc.in_vector) for doc in docs]

    @requests(on=["/status", "/commit"])
    def status(self, docs: list[Status]) -> list[Summary]:
        """How many documents the service searches, and of which version."""
        return [summarise(doc) for doc in docs]


def fuse(lexical: list[Hit], vector: list[Hit], k: int) -> list[Match]:
    """Reciprocal rank fusion of two lists; equal scores keep the order of the lists."""
    matches: dict[str, Match] = {}
    for field, hits in (("lexical_rank", lexical), ("vector_rank", vector)):
        for rank, hit in enumerate(hits, start=1):
            match = matches.setdefault(
                hit.id, Match(id=hit.id, kind=hit.kind, summary=hit.summary, score=0.0)
            )
            match.score += 1 / (k + rank)
            setattr(match, field, rank)
    return sorted(matches.values(), key=lambda match: -match.score)


def summarise(status: Status) -> Summary:
    """One state of two: they differ while one index is committed and the other is not."""
    same = status.lexical.version == status.vector.version
    return Summary(
        id=status.id,
        lexical=status.lexical,
        vector=status.vector,
        documents=min(status.lexical.documents, status.vector.documents) if same else 0,
        version=status.lexical.version if same else "",
    )
