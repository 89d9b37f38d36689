"""`dromon snapshot`: a cluster's whole store in one file, and back.

    save      through the running API server, or from a store that nobody serves
    show      what is in a file, after checking it to the last byte
    restore   to an empty store of any backend (cli.snapshot_restore)

Neighbours: dromon.store.snapshot is the format; dromon.apiserver.snapshot streams it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO

import click

from dromon.store.interface import Restored
from dromon.store.snapshot_file import SnapshotReader, replacing

PATH = "/dromon/v1/snapshot"
_CHUNK = 256 << 10

EPILOG = """\b
Examples:
  dromon snapshot save cluster.snapshot                       while the cluster runs
  dromon snapshot show cluster.snapshot
  dromon snapshot restore cluster.snapshot --data-dir DIR     before `dromon up --data-dir DIR`
  dromon snapshot restore cluster.snapshot --store etcd://10.0.0.5:2379
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Save the store to a file, look at it, restore it.

    A snapshot has every object with its UID, secrets included, so its file has mode 0600. It does not have
    what is in the data directory beside the store: certificates, tokens, kubeconfigs and settings.
    """


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--kubeconfig", metavar="FILE", help="Kubeconfig to use (default: $KUBECONFIG, ~/.dromon/kubeconfig)."
)
@click.option("--data-dir", metavar="DIR", help="Read the store of this stopped cluster instead.")
@click.option("--store", metavar="URL", help="Read this store instead; an SQLite file that nobody has open.")
def save(file: Path, kubeconfig: str | None, data_dir: str | None, store: str | None) -> None:
    """Save the store of a running cluster to FILE, at one revision; writers are not held up.

    It takes credentials of the group system:masters. FILE is replaced when the snapshot is complete and was
    read back without a fault, not before.
    """
    if (kubeconfig is not None) + (data_dir is not None) + (store is not None) > 1:
        raise click.UsageError("--kubeconfig, --data-dir and --store exclude each other")
    with _faults(file), replacing(file) as out:
        if data_dir is None and store is None:
            _from_api(kubeconfig, out)
        else:
            from dromon.cli import snapshot_offline

            with snapshot_offline.chosen(data_dir, store) as url:
                snapshot_offline.save(url, out)
        out.flush()
        reader = SnapshotReader(out)
        count = sum(1 for _ in reader)
        size = out.tell()
    click.echo(
        f"saved {count} keys at revision {reader.header.revision} to {file} ({_size(size)}); it holds secrets"
    )


def _from_api(kubeconfig: str | None, out: BinaryIO) -> None:
    from dromon.cli.verbs.config import find_kubeconfig, load
    from dromon.cli.verbs.session import Session

    session = Session(load(find_kubeconfig(kubeconfig)))
    with session.stream(PATH, {}, accept="*/*", timeout=60.0) as answer:
        while True:
            try:
                chunk = answer.read(_CHUNK)
            except (HTTPException, OSError) as error:
                why = str(error) or type(error).__name__
                raise click.ClickException(
                    f"the server broke the snapshot off ({why}): nothing was saved; its log says more"
                ) from None
            if not chunk:
                return
            out.write(chunk)


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Choice(["json"]), help="Form of the output.")
@click.option("--keys", is_flag=True, help="List every key instead of counting kinds.")
def show(file: Path, output: str | None, keys: bool) -> None:
    """Check FILE to its last byte, and show what it is of and what is in it."""
    with _faults(file), file.open("rb") as opened:
        reader = SnapshotReader(opened)
        items = [(item, len(item.value)) for item in reader]
        size = opened.tell()
    described = _describe(reader, len(items), size)
    if output == "json":
        rows = {"items": [_key(*item) for item in items]} if keys else {"kinds": _kinds(items)}
        click.echo(json.dumps(described | rows, indent=2))
        return
    from dromon.cli.verbs.printing import columns

    if keys:
        rows_ = [_cells(_key(*item)) for item in items]
        click.echo("\n".join(columns([("KEY", "CREATED", "MODIFIED", "BYTES", "TTL"), *rows_])))
        return
    click.echo("\n".join(_summary(described)))
    if counted := _kinds(items):
        click.echo()
        lines = [(k["resource"], k["apiVersion"], k["kind"], str(k["count"])) for k in counted]
        click.echo("\n".join(columns([("RESOURCE", "APIVERSION", "KIND", "COUNT"), *lines])))


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--data-dir", metavar="DIR", help="Of the cluster to fill, made if missing.  [default: ~/.dromon]"
)
@click.option("--store", metavar="URL", help="Fill this store instead: sqlite:///PATH or etcd://HOST:PORT.")
@click.option(
    "--replace",
    is_flag=True,
    help="Where an SQLite store has content: set its file aside, and begin a new one.",
)
def restore(file: Path, data_dir: str | None, store: str | None, replace: bool) -> None:
    """Fill an empty store with FILE, before anything serves it.

    All objects keep their UIDs. FILE is checked to its last byte first, and restored as a whole or not at
    all. The store's revision goes far beyond the snapshot's, so that every client lists again.

    Certificates, tokens and settings are not in a snapshot: in a new data directory `dromon up` makes new
    ones and wants the same --pod-cidr and --service-cidr as before.
    """
    if data_dir is not None and store is not None:
        raise click.UsageError("--data-dir and --store exclude each other")
    from dromon.cli import snapshot_offline
    from dromon.store import snapshot_file

    with _faults(file):
        reader, items = snapshot_file.load(file)
        with snapshot_offline.chosen(data_dir, store, make=True) as url:
            revision, aside = snapshot_offline.restore(url, items, reader.header, replace=replace)
    if aside is not None:
        click.echo(f"what was there before is in {aside}")
    click.echo(f"restored {len(items)} keys of revision {reader.header.revision}; the store is at {revision}")


def _describe(reader: SnapshotReader, count: int, size: int) -> dict[str, Any]:
    header = reader.header
    return {
        "revision": header.revision,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(header.time)),
        "backend": header.backend,
        "dromon": header.dromon,
        "keys": count,
        "size": size,
        "sha256": reader.checksum,
    }


def _summary(described: dict[str, Any]) -> Iterator[str]:
    from dromon.api.times import age

    yield f"Revision:   {described['revision']}"
    yield f"Taken:      {described['time']} ({age(described['time'], time.time())} ago)"
    yield f"Source:     {described['backend']}, dromon {described['dromon']}"
    yield f"Size:       {described['keys']} keys, {_size(described['size'])}"
    yield f"Checksum:   sha256:{described['sha256']} (verified)"


def _key(item: Restored, size: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "key": item.key,
        "createRevision": item.create_revision,
        "modRevision": item.mod_revision,
        "size": size,
    }
    return found if item.ttl is None else found | {"ttl": item.ttl}


def _cells(key: dict[str, Any]) -> tuple[str, ...]:
    left = f"{key['ttl']:.0f}s" if "ttl" in key else "<none>"
    return (key["key"], str(key["createRevision"]), str(key["modRevision"]), str(key["size"]), left)


def _kinds(items: list[tuple[Restored, int]]) -> list[dict[str, Any]]:
    """How many objects of each kind there are; keys of no kind count under their prefix."""
    from dromon.api.kinds import RESOURCES

    known = {r.prefix: r for r in RESOURCES}
    counts = Counter("/".join(item.key.split("/")[:4]) + "/" for item, _ in items)
    rows = []
    for prefix, count in sorted(counts.items()):
        r = known.get(prefix)
        name = prefix if r is None else f"{r.plural}.{r.group}" if r.group else r.plural
        rows.append(
            {
                "resource": name,
                "apiVersion": r.api_version if r else "",
                "kind": r.kind if r else "",
                "count": count,
            }
        )
    return rows


def _size(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size / (1 << 10):.1f} KiB"


@contextmanager
def _faults(file: Path) -> Iterator[None]:
    """Say what is wrong with `file`, or with a store, in one line."""
    from dromon.store.interface import StoreError
    from dromon.store.snapshot import SnapshotError

    try:
        yield
    except SnapshotError as error:
        raise click.ClickException(f"{file} can't be used: {error}") from None
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or file}: {error.strerror or error}") from None
