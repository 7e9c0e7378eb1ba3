"""An Executor that counts the words of texts."""

from containerflow import Document, Executor, requests


class Text(Document):
    """What comes in."""

    text: str


class Counted(Text):
    """What goes out: the text, with what was counted."""

    words: int
    distinct: int


class Counter(Executor):
    """Counts words."""

    @requests(on="/count")
    def count(self, docs: list[Text]) -> list[Counted]:
        """Count the words of each text, and how many differ."""
        answers = []
        for doc in docs:
            words = doc.text.lower().split()
            answers.append(
                Counted(id=doc.id, text=doc.text, words=len(words), distinct=len(set(words)))
            )
        return answers
