"""How this machine reaches package indexes, for the build stages that install from them.

A build behind a proxy that inspects TLS needs the machine's bundle of certificate authorities, and
one with a private index its address. Both go into stages whose images are removed when
the build ends, however it ends; neither gets into an image that is kept or into the hash that
names it. A build that installs nothing of ours, such as that of a folder's own Dockerfile, is
given the proxy variables alone.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from containerflow.images.context import Entry

__all__ = ["network_entries", "proxy_arguments"]

DIRECTORY = "network"
_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
_KEPT_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries")


def network_entries(
    environment: Mapping[str, str], files: tuple[Path, ...], directory: str = DIRECTORY
) -> list[Entry]:
    """The directory `network/` of a build context: pip.conf and, where there is one, ca.pem.

    Args:
        environment: The process's environment.
        files: pip's configuration files, the strongest last: see `configuration_files`.
        directory: Where in the context it stands.
    """
    options = _options(environment, files)
    bundle = _bundle(environment, options)
    lines = [f"{name} = {options[name]}" for name in _KEPT_OPTIONS if options.get(name)]
    entries = []
    if bundle is not None:
        lines.append(f"cert = /tmp/build/{DIRECTORY}/ca.pem")
        entries.append(Entry(f"{directory}/ca.pem", bundle))
    text = "\n".join(["[global]", "disable-pip-version-check = true", *lines, ""])
    entries.append(Entry(f"{directory}/pip.conf", text.encode()))
    return entries


def proxy_arguments(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxy variables; an engine passes these to a build and leaves them out of the image."""
    names = [name for upper in _PROXY_VARIABLES for name in (upper, upper.lower())]
    return {name: environment[name] for name in names if environment.get(name)}


def configuration_files(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """The configuration files that pip reads on this machine, the strongest last."""
    named = environment.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return ()

    def places() -> Iterator[Path]:
        for folder in reversed(environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")):
            yield Path(folder) / "pip/pip.conf"
        if sys.platform == "darwin":
            yield Path("/Library/Application Support/pip/pip.conf")
        yield Path("/etc/pip.conf")
        yield home / ".pip/pip.conf"
        if sys.platform == "darwin":
            yield home / "Library/Application Support/pip/pip.conf"
        yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
        yield Path(sys.prefix) / "pip.conf"
        if named:
            yield Path(named)

    return tuple(places())


def _options(environment: Mapping[str, str], files: tuple[Path, ...]) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read(files, encoding="utf-8")
    options: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            options |= dict(parser[section])
    for name in (*_KEPT_OPTIONS, "cert"):
        value = environment.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            options[name] = value
    options.setdefault("timeout", environment.get("PIP_DEFAULT_TIMEOUT", ""))
    for name in ("index-url", "extra-index-url"):
        # A directory of this machine is out of a build's reach.
        addresses = [url for url in options.get(name, "").split() if not url.startswith("file:")]
        options[name] = " ".join(addresses)
    options["trusted-host"] = " ".join(options.get("trusted-host", "").split())
    return options


def _bundle(environment: Mapping[str, str], options: Mapping[str, str]) -> Path | None:
    named = [options.get("cert", ""), *(environment.get(name, "") for name in _BUNDLE_VARIABLES)]
    return next((Path(name) for name in named if name and Path(name).is_file()), None)
