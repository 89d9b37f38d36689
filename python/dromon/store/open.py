"""From a URL to a store.

Neighbours: apiserver's wiring calls it with --store; sqlite, memory and etcd are what it makes.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from dromon.base.clock import Clock
from dromon.store.history import Limits
from dromon.store.interface import Store, StoreError
from dromon.store.memory import MemoryStore
from dromon.store.sqlite import SqliteStore

SCHEMES = "sqlite:///absolute/path, etcd://host:2379[,host:2379...] (etcds:// for TLS) and memory://"


def open_store(url: str, clock: Clock | None = None, history: Limits | None = None) -> Store:
    """The store that `url` names, not yet started.

    Args:
        url: "sqlite:///absolute/path", "memory://", or etcd's members as store.etcd.url says.
        history: how much of it memory and SQLite keep; etcd's URL says it for etcd.

    Raises:
        StoreError: anything else, with what is supported.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory" and not parts.netloc and parts.path in ("", "/"):
        return MemoryStore(clock, history)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        # A path of one's own after sqlite:/// makes four slashes; POSIX keeps the meaning of two open.
        return SqliteStore("/" + unquote(parts.path).lstrip("/"), clock, history)
    if parts.scheme in ("etcd", "etcds"):
        # gRPC alone takes longer to import than everything else that starts: only who uses it pays.
        from dromon.store.etcd import store
        from dromon.store.etcd import url as etcd_url

        return store.EtcdStore(etcd_url.parse(parts), clock)
    raise StoreError(f"can't open the store {url!r}: supported are {SCHEMES}")
