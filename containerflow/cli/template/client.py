"""Ask the running Flow: start it with `cflow run flow.yml` in another terminal first."""

from containerflow import Client, Document


class Counted(Document):
    """What the Flow answers."""

    text: str
    words: int
    distinct: int


with Client("http://localhost:8080") as client:
    question = Document(text="to be or not to be")
    for doc in client.post("/count", inputs=[question], return_type=Counted):
        print(f"{doc.text}: {doc.words} words, {doc.distinct} of them distinct")
