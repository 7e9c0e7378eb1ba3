"""An Executor that gives back what it gets: what is measured is the way there and back."""

from containerflow import Document, Executor, requests


class Text(Document):
    text: str


class Echo(Executor):
    @requests(on="/echo", blocking=False)
    def echo(self, docs: list[Text]) -> list[Text]:
        return docs

    @requests(on="/threaded")
    def threaded(self, docs: list[Text]) -> list[Text]:
        return docs
