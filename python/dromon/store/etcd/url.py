"""What `--store etcd://...` says. Pure, but for reading the certificate files when asked to.

Neighbours: open parses the URL; cluster makes channels from it; store keeps the prefix and the age.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl

from dromon.store.interface import StoreError

SYNTAX = (
    "etcd://host:2379[,host:2379...][?prefix=/p&history=SECONDS&ca-file=F&cert-file=F&key-file=F], "
    "or etcds:// for TLS"
)
DEFAULT_PORT = 2379
DEFAULT_HISTORY = 300.0
_OPTIONS = frozenset({"prefix", "history", "ca-file", "cert-file", "key-file"})


@dataclass(frozen=True, slots=True)
class EtcdConfig:
    """Where the cluster is, and what of it is ours.

    Attributes:
        endpoints: "host:port" of each member's client port.
        prefix: stands before every key, so that clusters can share an etcd; "" for none.
        history: seconds for which changes are kept.
        tls: whether to speak TLS; `ca_file` "" trusts what the system trusts.
    """

    endpoints: tuple[str, ...]
    prefix: str = ""
    history: float = DEFAULT_HISTORY
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def certificates(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """The files' bytes: authorities, key, certificate chain.

        Raises:
            StoreError: a file can't be read, by name.
        """
        return (
            _read("ca-file", self.ca_file),
            _read("key-file", self.key_file),
            _read("cert-file", self.cert_file),
        )


def parse(parts: SplitResult) -> EtcdConfig:
    """Read a split URL.

    Raises:
        StoreError: with what is wrong in it.
    """
    if parts.path not in ("", "/") or parts.fragment:
        raise _wrong("after the endpoints only options may follow; a path is given by ?prefix=")
    options = _options(parts.query)
    if bool(options.get("cert-file")) != bool(options.get("key-file")):
        raise _wrong("cert-file and key-file go together")
    prefix = options.get("prefix", "").rstrip("/")
    if prefix and not prefix.startswith("/"):
        raise _wrong(f"prefix {prefix!r} must begin with /")
    return EtcdConfig(
        endpoints=tuple(_endpoint(e) for e in parts.netloc.split(",")),
        prefix=prefix,
        history=_seconds(options.get("history")),
        tls=parts.scheme == "etcds" or any(o.endswith("-file") for o in options),
        ca_file=options.get("ca-file", ""),
        cert_file=options.get("cert-file", ""),
        key_file=options.get("key-file", ""),
    )


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise _wrong(str(error)) from None
    for name, value in pairs:
        if name not in _OPTIONS:
            raise _wrong(f"no option is called {name!r}")
        if not value:
            raise _wrong(f"option {name} is empty")
    if len(dict(pairs)) != len(pairs):
        raise _wrong("an option is given twice")
    return dict(pairs)


def _endpoint(text: str) -> str:
    if "@" in text:
        raise _wrong("etcd's users and passwords are not supported; client certificates are")
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(DEFAULT_PORT)
    if not host or (":" in host and not host.startswith("[")):
        raise _wrong(f"{text!r} is no host:port")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise _wrong(f"{port!r} is no port")
    return f"{host}:{port}"


def _seconds(text: str | None) -> float:
    try:
        seconds = DEFAULT_HISTORY if text is None else float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise _wrong(f"history {text!r} is not a number of seconds between 1 and 86400")
    return seconds


def _read(option: str, path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise StoreError(f"can't read the etcd store's {option} {path}: {error.strerror}") from None


def _wrong(why: str) -> StoreError:
    return StoreError(f"can't open the etcd store: {why}; the form is {SYNTAX}")
