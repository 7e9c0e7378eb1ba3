"""Brings documents and queries to one form: lower-case word stems, identifiers taken apart."""

from __future__ import annotations

import re
from typing import Any

import Stemmer

from containerflow import Document, Executor, requests

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_DOCTEST = re.compile(r"^\s*(>>>|\.\.\.).*$", re.MULTILINE)


class Entry(Document):
    """A documented name: the id is the qualified name."""

    kind: str
    text: str


class CleanEntry(Document):
    """The stems of the name and of the text, and the text's first paragraph in its place."""

    kind: str
    name_terms: str
    terms: str
    summary: str


class Query(Document):
    """What someone looks for, in words."""

    text: str


class CleanQuery(Query):
    """The stems of the query."""

    terms: str


class Clean(Executor):
    """Makes `terms` of texts.

    Args:
        language: A language that the Snowball stemmers know.
    """

    def __init__(self, language: str = "english", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stemmer = Stemmer.Stemmer(language)

    @requests(on="/index")
    def entries(self, docs: list[Entry]) -> list[CleanEntry]:
        """Clean documents for the indexes."""
        return [
            CleanEntry(
                id=doc.id,
                kind=doc.kind,
                name_terms=self._terms(doc.id),
                terms=self._terms(_DOCTEST.sub(" ", doc.text)),
                summary=summary(doc.text),
            )
            for doc in docs
        ]

    @requests(on="/search")
    def queries(self, docs: list[Query]) -> list[CleanQuery]:
        """Clean queries for the search."""
        return [CleanQuery(id=doc.id, text=doc.text, terms=self._terms(doc.text)) for doc in docs]

    def _terms(self, text: str) -> str:
        words = [word.lower() for word in _WORD.findall(text)]
        return " ".join(self._stemmer.stemWords(words))


def summary(text: str, length: int = 160) -> str:
    """The first paragraph on one line, cut at `length` characters."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return paragraph if len(paragraph) <= length else paragraph[: length - 1] + "…"
