"""Start the Flow in containers, ask it, stop it: run `pytest` (or `python test_flow.py`)."""

from pathlib import Path

from containerflow import Document, Flow


class Counted(Document):
    """What the Flow answers."""

    words: int
    distinct: int


FLOW = Path(__file__).parent / "flow.yml"


def test_the_flow_counts_words() -> None:
    """Two words occur twice, so four of six differ."""
    with Flow.load_config(FLOW) as flow:
        question = Document(text="to be or not to be")
        [doc] = flow.post("/count", inputs=[question], return_type=Counted)
    assert (doc.words, doc.distinct) == (6, 4)


if __name__ == "__main__":
    test_the_flow_counts_words()
    print("The Flow answers as it should.")
