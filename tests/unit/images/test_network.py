"""What a build is told of the way to package indexes."""

from __future__ import annotations

import configparser
from pathlib import Path

from containerflow.images.network import configuration_files, network_entries, proxy_arguments


def settings(environment: dict[str, str], *files: Path) -> dict[str, str]:
    entries = {entry.path: entry.content for entry in network_entries(environment, files)}
    parser = configparser.RawConfigParser()
    content = entries["network/pip.conf"]
    assert isinstance(content, bytes)
    parser.read_string(content.decode())
    return dict(parser["global"])


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_bundle_of_the_machine_goes_along(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle.pem", "certificate")
    entries = {entry.path: entry for entry in network_entries({"SSL_CERT_FILE": str(bundle)}, ())}
    assert entries["network/ca.pem"].content == bundle
    assert settings({"SSL_CERT_FILE": str(bundle)})["cert"] == "/tmp/build/network/ca.pem"


def test_pips_own_bundle_wins(tmp_path: Path) -> None:
    ours, theirs = write(tmp_path / "a.pem", "a"), write(tmp_path / "b.pem", "b")
    environment = {"SSL_CERT_FILE": str(ours), "PIP_CERT": str(theirs)}
    entries = {entry.path: entry.content for entry in network_entries(environment, ())}
    assert entries["network/ca.pem"] == theirs


def test_without_a_bundle_none_is_named() -> None:
    assert "cert" not in settings({"SSL_CERT_FILE": "/does/not/exist.pem"})


def test_directories_of_this_machine_are_no_indexes_for_a_build(tmp_path: Path) -> None:
    file = write(
        tmp_path / "pip.conf",
        "[global]\nextra-index-url =\n    file:///opt/wheels\n    https://index.example/simple\n"
        "find-links = /opt/wheels\n",
    )
    found = settings({}, file)
    assert found["extra-index-url"] == "https://index.example/simple"
    assert "find-links" not in found


def test_the_environment_wins_over_files_and_later_files_over_earlier_ones(tmp_path: Path) -> None:
    first = write(tmp_path / "1.conf", "[global]\nindex-url = https://one/\ntimeout = 1\n")
    second = write(tmp_path / "2.conf", "[install]\nindex-url = https://two/\n")
    assert settings({}, first, second)["index-url"] == "https://two/"
    assert settings({}, first, second)["timeout"] == "1"
    assert settings({"PIP_INDEX_URL": "https://three/"}, first)["index-url"] == "https://three/"


def test_a_percent_sign_in_an_address_is_kept(tmp_path: Path) -> None:
    file = write(tmp_path / "pip.conf", "[global]\nindex-url = https://u:p%40ss@host/simple\n")
    assert settings({}, file)["index-url"] == "https://u:p%40ss@host/simple"


def test_a_named_configuration_file_is_the_strongest(tmp_path: Path) -> None:
    files = configuration_files({"PIP_CONFIG_FILE": "/named.conf"}, tmp_path)
    assert files[-1] == Path("/named.conf")
    assert configuration_files({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path) == ()


def test_proxies_are_passed_under_the_names_that_they_have() -> None:
    environment = {"https_proxy": "http://proxy:3128", "NO_PROXY": "localhost", "HOME": "/root"}
    assert proxy_arguments(environment) == {
        "https_proxy": "http://proxy:3128",
        "NO_PROXY": "localhost",
    }
