"""Stores that no API server serves, saved to a snapshot or filled from one.

An SQLite file is held by its lock meanwhile, a data directory by that of `dromon up`; an etcd that API
servers use is not empty and so can't be filled.

Neighbours: cli.snapshot has the commands; store.open, store.snapshot_stream and Store.restore do the work.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

import click

from dromon.cli import datadir
from dromon.cli.datadir import DataDir, Lock, read_json
from dromon.store.interface import NotEmpty, Restored, StoreError
from dromon.store.lock import FileLock
from dromon.store.open import open_store
from dromon.store.snapshot import Header
from dromon.store.snapshot_file import sync_directory
from dromon.store.snapshot_stream import stream
from dromon.store.sqlite_file import SqliteFile

LEAP = 1 << 40
"""How far a restored store's revision is beyond the snapshot's: further than a cluster writes between saving
and restoring (268 million transactions where one takes 4096 numbers, as on etcd), so that no revision that a
client remembers from after the snapshot comes again with another meaning. 2**53 has room for 8,000 leaps."""

_LOG_FILES = ("-wal", "-shm")


@contextmanager
def chosen(data_dir: str | None, store: str | None, *, make: bool = False) -> Iterator[str]:
    """The URL of the store that the options name; a data directory is held until the block ends.

    Args:
        make: whether to make a missing data directory.

    Raises:
        click.ClickException: a cluster runs there, or nothing is there.
    """
    if store is not None:
        yield store
        return
    directory = DataDir(data_dir or datadir.DEFAULT)
    if make:
        directory.make()
    elif not directory.ours:
        raise click.ClickException(f"{directory.path} is not a data directory of dromon")
    lock = Lock(directory.lock)
    if not lock.acquire(patience=0.1):
        what = f"stop it first (dromon down --data-dir {directory.path})"
        if not make:
            what = f"save through its API server (--kubeconfig {directory.kubeconfig}), or {what}"
        raise click.ClickException(f"a cluster runs in {directory.path}: {what}")
    try:
        yield read_json(directory.settings).get("store") or directory.store_url
    finally:
        lock.release()


def save(url: str, out: BinaryIO) -> None:
    """Write a snapshot of the store at `url`.

    Raises:
        StoreError: there is none, it is in use, or it does not answer.
    """
    file = sqlite_path(url)
    if file is not None and not file.exists():
        raise StoreError(f"there is no store {file}")
    _refuse_memory(url)

    async def run() -> None:
        store = open_store(url)
        await store.start()
        try:
            async for piece in stream(store, urlsplit(url).scheme, time.time()):
                out.write(piece)
        finally:
            await store.close()

    asyncio.run(run())


def restore(url: str, items: Sequence[Restored], header: Header, *, replace: bool) -> tuple[int, Path | None]:
    """Fill the store at `url`; its new revision, and where its file of before is.

    Raises:
        StoreError: it is not empty (and not to be replaced), in use, or can't be written.
    """
    _refuse_memory(url)
    file = sqlite_path(url)
    if not replace:
        try:
            return asyncio.run(_fill(url, items, header.revision + LEAP)), None
        except NotEmpty:
            if file is None:
                raise
            raise StoreError(
                f"the store {file} is not empty: restore to another --data-dir or --store, "
                "or set its content aside with --replace"
            ) from None
    if file is None:
        raise StoreError("--replace is for SQLite; what is in an etcd, only its own tools should delete")
    return _replace(file, items, header.revision)


async def _fill(url: str, items: Sequence[Restored], revision: int) -> int:
    store = open_store(url)
    await store.start()
    try:
        await store.restore(items, max(revision, store.revision))
        return store.revision
    finally:
        await store.close()


def _replace(file: Path, items: Sequence[Restored], revision: int) -> tuple[int, Path | None]:
    """Fill a new file beside `file`, then put it in its place at once; the old one gets another name."""
    lock = FileLock(file.with_name(file.name + ".lock"))
    lock.take(f"the store {file}")
    fresh = file.with_name(file.name + ".restoring")
    try:
        _unlink(fresh)  # of an attempt that was killed
        known = _newest_revision(file)
        url = f"sqlite://{quote(str(fresh))}"
        reached = asyncio.run(_fill(url, items, max(revision, known) + LEAP))
        aside = _set_aside(file) if file.exists() else None
        os.replace(fresh, file)
        sync_directory(file.parent)
        return reached, aside
    finally:
        _unlink(fresh)
        lock.release()


def _newest_revision(file: Path) -> int:
    """Of the store that is replaced; 0 where it can't be read, which may be why it is replaced."""
    if not file.exists():
        return 0
    old = SqliteFile(file)
    try:
        return old.open().revision
    except StoreError:
        return 0
    finally:
        old.close()  # folds its log into the file


def _set_aside(file: Path) -> Path:
    """Give the file a second name; a log that could not be folded in must not meet the new file: it moves."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    number = 0
    while (aside := file.with_name(f"{file.name}.{stamp}{f'-{number}' if number else ''}.old")).exists():
        number += 1
    os.link(file, aside)
    for suffix in _LOG_FILES:
        if (log := file.with_name(file.name + suffix)).exists():
            os.replace(log, aside.with_name(aside.name + suffix))
    sync_directory(file.parent)
    return aside


def _unlink(file: Path) -> None:
    for suffix in ("", *_LOG_FILES, "-journal", ".lock"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL, None for other stores."""
    parts = urlsplit(url)
    return Path("/" + unquote(parts.path).lstrip("/")) if parts.scheme == "sqlite" else None


def _refuse_memory(url: str) -> None:
    if urlsplit(url).scheme == "memory":
        raise StoreError(
            "a memory store lives in its API server: save it through that; it can't be restored to"
        )
