"""Endpoints that show what travels, and endpoints that go wrong in every way a handler can."""

import asyncio
import time

from pydantic import BaseModel

from containerflow import Document, Executor, requests


class Text(Document):
    text: str


class Counted(Document):
    text: str
    words: int


class Naps(BaseModel):
    seconds: float


class Words(Executor):
    def __init__(self, suffix: str = "", **kwargs):
        super().__init__(**kwargs)
        self.suffix = suffix

    @requests(on="/count")
    def count(self, docs: list[Text]) -> list[Counted]:
        return [
            Counted(id=doc.id, text=doc.text + self.suffix, words=len(doc.text.split()))
            for doc in docs
        ]

    @requests(on="/tag")
    async def tag(self, docs: list[Document], parameters: dict) -> list[Document]:
        for doc in docs:
            doc.path = [*getattr(doc, "path", []), f"{self.name}{self.suffix}"]
            setattr(doc, f"seen_by_{self.name}", parameters.get("mark", True))
        return docs

    @requests(on="/raise")
    def fail(self, docs: list[Document]) -> None:
        raise ValueError("no good")

    @requests(on="/wrong")
    def wrong(self, docs: list[Document]) -> list[Document]:
        return "a string"

    @requests(on="/nap")
    async def nap(self, parameters: Naps) -> dict:
        await asyncio.sleep(parameters.seconds)
        return {"slept": parameters.seconds}

    @requests(on="/busy")
    def busy(self, parameters: Naps) -> dict:
        time.sleep(parameters.seconds)
        return {"slept": parameters.seconds}
