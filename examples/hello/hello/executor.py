"""The smallest useful Executor: one endpoint, one field more."""

from containerflow import Document, Executor, requests


class Person(Document):
    name: str


class Greeted(Person):
    greeting: str


class Hello(Executor):
    def __init__(self, word: str = "Hello", **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.word = word

    @requests(on="/hello")
    def greet(self, docs: list[Person]) -> list[Greeted]:
        """Greet each person by name."""
        return [
            Greeted(id=doc.id, name=doc.name, greeting=f"{self.word}, {doc.name}!") for doc in docs
        ]
