import io

from containerflow import Flow
from containerflow.api.panel import panel_rows, show_panel
from containerflow.targets.docker import Address

HTTP = Address("http", "127.0.0.1", 8080, "192.168.1.5:8080", "8.8.8.8:8080")
GRPC = Address("grpc", "127.0.0.1", 50051, "172.20.0.2:50051")


def test_every_known_address_of_every_protocol_has_a_row() -> None:
    rows = panel_rows(Flow(protocol=["http", "grpc"]).spec, (HTTP, GRPC))
    assert rows == [
        ("Endpoint", ""),
        ("Protocol", "HTTP"),
        ("Local", "http://127.0.0.1:8080"),
        ("Private", "http://192.168.1.5:8080"),
        ("Public", "http://8.8.8.8:8080"),
        ("Protocol", "GRPC"),
        ("Local", "grpc://127.0.0.1:50051"),
        ("Private", "grpc://172.20.0.2:50051"),
        ("HTTP extension", ""),
        ("Swagger UI", "http://127.0.0.1:8080/docs"),
        ("OpenAPI", "http://127.0.0.1:8080/openapi.json"),
    ]


def test_docs_have_no_row_where_they_are_off_or_http_is_not_spoken() -> None:
    assert ("HTTP extension", "") not in panel_rows(Flow(docs=False).spec, (HTTP,))
    assert ("HTTP extension", "") not in panel_rows(Flow().spec, (GRPC,))


def test_without_a_terminal_the_panel_is_plain_lines() -> None:
    out = io.StringIO()
    show_panel(Flow(name="search").spec, (HTTP,), out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "search: Flow is ready to serve!"
    assert "  Local:          http://127.0.0.1:8080" in lines
    assert out.getvalue().isascii()


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_panel_is_framed(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    show_panel(Flow(name="search").spec, (HTTP,), out)
    assert "Flow is ready to serve!" in out.getvalue()
    assert "http://127.0.0.1:8080/docs" in out.getvalue()
    assert "╭" in out.getvalue()
