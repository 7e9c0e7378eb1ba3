"""An Executor defined in the script that runs it: its source becomes an image by itself."""

from containerflow import Document, Executor, Flow, requests


class Text(Document):
    text: str


class Shout(Executor):
    @requests(on="/shout")
    def shout(self, docs: list[Text]) -> list[Text]:
        """Turn texts to upper case."""
        return [Text(id=doc.id, text=doc.text.upper()) for doc in docs]


if __name__ == "__main__":
    with Flow(name="shout", protocol="http", port=0).add(name="shout", uses=Shout) as flow:
        for doc in flow.post("/shout", inputs=[Text(text="what ran here is what ships")]):
            print(doc.text)
