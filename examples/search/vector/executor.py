"""Finds documents by what they are about: latent semantic analysis, by scikit-learn.

TF-IDF vectors are projected on the strongest directions of the corpus, so that a document can be
near a query with which it shares no word (Deerwester and others, "Indexing by Latent Semantic
Analysis", 1990).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from pydantic import BaseModel, Field
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, normalize

from containerflow import Document, Executor, requests


class Entry(Document):
    """A cleaned document."""

    kind: str
    name_terms: str
    terms: str
    summary: str


class Taken(Document):
    """Says that a document is in the index that is being written."""

    in_vector: bool


class Query(Document):
    """A cleaned query."""

    text: str
    terms: str


class Hit(BaseModel):
    """A document that was found; the score is the cosine of the angle to the query."""

    id: str
    kind: str
    summary: str
    score: float


class Answer(Query):
    """The query with its hits, best first."""

    vector_hits: list[Hit]


class IndexState(BaseModel):
    """How many documents the index holds, and of which version of the corpus."""

    documents: int = 0
    version: str = ""


class Status(Document):
    """The state of this index."""

    vector: IndexState = IndexState()


class Edition(BaseModel):
    """Which version of the corpus a request belongs to."""

    version: str


class Depth(BaseModel):
    """How many hits a query takes from this index."""

    depth: int = Field(default=50, ge=1, le=1000)


@dataclass(frozen=True)
class Index:
    """The model, and one unit vector a document.

    Attributes:
        version: Of the corpus.
        model: Makes unit vectors of term texts.
        vectors: float32, documents by dimensions.
        facts: Id, kind and summary of each document.
    """

    version: str
    model: Pipeline
    vectors: np.ndarray
    facts: list[tuple[str, str, str]]


class Vector(Executor):
    """An index of dense vectors that outlives restarts.

    Documents are gathered first; `/commit` fits the model to all of them and lets it answer.

    Args:
        dimensions: Length of a vector.
    """

    def __init__(self, dimensions: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._dimensions = dimensions
        self._kept = Path(self.workspace) / "index.joblib"
        self._gathered: dict[str, Entry] = {}
        self._next = ""
        self._index: Index | None = None
        if self._kept.is_file():
            self._index = Index(*joblib.load(self._kept))

    @requests(on="/index")
    def add(self, docs: list[Entry], parameters: Edition) -> list[Taken]:
        """Gather documents of the version that `parameters` names."""
        if self._next != parameters.version:
            self._gathered = {}
            self._next = parameters.version
        self._gathered.update((doc.id, doc) for doc in docs)
        return [Taken(id=doc.id, in_vector=True) for doc in docs]

    @requests(on="/commit")
    def commit(self, docs: list[Document], parameters: Edition) -> list[Status]:
        """Fit the model to what was gathered, keep it, and let it answer from now on."""
        if self._next != parameters.version or not self._gathered:
            raise ValueError(f"No document of version {parameters.version} came before /commit.")
        index = build(list(self._gathered.values()), parameters.version, self._dimensions)
        written = self._kept.with_suffix(".next")
        # The parts and not the object: the file outlives the module that names the class.
        joblib.dump((index.version, index.model, index.vectors, index.facts), written)
        shutil.move(written, self._kept)
        self._index, self._gathered, self._next = index, {}, ""
        return self.status(docs)

    @requests(on="/status")
    def status(self, docs: list[Document]) -> list[Status]:
        """How many documents answer, and of which version."""
        state = IndexState()
        if self._index is not None:
            state = IndexState(documents=len(self._index.facts), version=self._index.version)
        return [Status(id=doc.id, vector=state) for doc in docs]

    @requests(on="/search")
    def search(self, docs: list[Query], parameters: Depth) -> list[Answer]:
        """Find the documents whose vectors lie nearest."""
        found = nearest(self._index, [doc.terms for doc in docs], parameters.depth)
        return [
            Answer(id=doc.id, text=doc.text, terms=doc.terms, vector_hits=hits)
            for doc, hits in zip(docs, found, strict=True)
        ]


def build(entries: list[Entry], version: str, dimensions: int) -> Index:
    """Fit the model to the entries and make their vectors."""
    texts = [f"{entry.name_terms} {entry.terms}" for entry in entries]
    weights = TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True, max_df=0.5)
    matrix = weights.fit_transform(texts)
    directions = TruncatedSVD(max(1, min(dimensions, *matrix.shape) - 1), random_state=0)
    vectors = normalize(directions.fit_transform(matrix)).astype(np.float32)
    model = make_pipeline(weights, directions, Normalizer(copy=False))
    facts = [(entry.id, entry.kind, entry.summary) for entry in entries]
    return Index(version=version, model=model, vectors=vectors, facts=facts)


def nearest(index: Index | None, terms: list[str], depth: int) -> list[list[Hit]]:
    """The documents nearest to each query, best first; none for a query of unknown words."""
    if index is None or not terms:
        return [[] for _ in terms]
    scores = index.model.transform(terms).astype(np.float32) @ index.vectors.T
    depth = min(depth, scores.shape[1])
    hits = []
    for row in scores:
        best = np.argpartition(-row, depth - 1)[:depth]
        best = best[np.argsort(-row[best], kind="stable")]
        hits.append(
            [
                Hit(id=fact[0], kind=fact[1], summary=fact[2], score=float(row[place]))
                for place in best
                if row[place] > 0
                for fact in [index.facts[place]]
            ]
        )
    return hits
