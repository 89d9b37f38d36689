"""From URLs to stores."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from dromon.store.history import Limits
from dromon.store.interface import Compacted, Put, StoreError
from dromon.store.memory import MemoryStore
from dromon.store.open import open_store
from dromon.store.sqlite import SqliteStore


def test_the_schemes() -> None:
    assert isinstance(open_store("memory://"), MemoryStore)
    assert isinstance(open_store("sqlite:///var/lib/x%20y/db"), SqliteStore)


@pytest.mark.parametrize("slashes", ["/", "//"])
async def test_the_path_is_as_the_url_says(tmp_path: Path, slashes: str) -> None:
    directory = tmp_path / "a b%41?#"
    directory.mkdir()
    store = open_store(f"sqlite:/{slashes}{quote(str(directory / 'db'))}")
    await store.start()
    await store.close()
    assert (directory / "db").exists()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://relative/path",
        "sqlite:///",
        "/var/db",
        "",
        "memory://host",
        "postgres://x",
    ],
)
def test_anything_else_is_refused_with_what_is_supported(url: str) -> None:
    with pytest.raises(StoreError, match="supported are sqlite:///absolute/path, etcd://"):
        open_store(url)


async def test_the_history_kept_is_as_asked() -> None:
    store = open_store("memory://", history=Limits(changes=2))
    await store.start()
    for i in range(6):
        await store.commit([Put("/p/a", b"%d" % i)])
    with pytest.raises(Compacted):
        await anext(store.watch("/p/", 1))
    await store.close()
