"""dromon label: add, change and remove labels.

Neighbours: targets says of what.
"""

from __future__ import annotations

from typing import Any

import click

from dromon.cli.verbs import printing
from dromon.cli.verbs.session import MERGE, ServerError, Session, with_session
from dromon.cli.verbs.targets import select

EXAMPLES = """\b
Examples:
  dromon label pod web tier=front
  dromon label pods --all tier=front --overwrite
  dromon label pod web tier-
"""


@click.command(epilog=EXAMPLES)
@click.argument("words", nargs=-1, required=True, metavar="TYPE NAME ... KEY=VALUE ... KEY- ...")
@click.option("-f", "--filename", "files", multiple=True, help="Objects that a manifest names.")
@click.option("-l", "--selector", default="", help="Those whose labels match.")
@click.option("--all", "everything", is_flag=True, help="All objects of the type in the namespace.")
@click.option("--overwrite", is_flag=True, help="Change labels that are there with another value.")
@click.option("-o", "--output", type=click.Choice(["name"]), help="Print only names.")
@with_session
def command(session: Session, words: tuple[str, ...], files: tuple[str, ...], **o: Any) -> None:
    """Add, change or remove labels."""
    changes = dict(_change(word) for word in words if _is_change(word))
    what = tuple(word for word in words if not _is_change(word))
    if not changes:
        raise click.UsageError("at least one label update is required: KEY=VALUE or KEY-")
    failed = False
    for item in select(session, what, files, labels=o["selector"], everything=o["everything"]):
        try:
            said = _apply(session, item.path, changes, overwrite=o["overwrite"])
        except ServerError as error:
            error.show()
            failed = True
            continue
        printing.done(item.kind, item.name, said, o["output"] or "")
    if failed:
        raise SystemExit(1)


def _is_change(word: str) -> bool:
    return "=" in word or (word.endswith("-") and len(word) > 1)


def _change(word: str) -> tuple[str, str | None]:
    """KEY=VALUE as (key, value), KEY- as (key, None)."""
    key, equals, value = word.partition("=")
    return (key, value) if equals else (word[:-1], None)


def _apply(session: Session, path: str, changes: dict[str, str | None], *, overwrite: bool) -> str:
    """Patch the labels; returns "labeled", "unlabeled" or "not labeled".

    Raises:
        click.ClickException: a label has another value and `overwrite` is not given.
    """
    current = session.call("GET", path)["metadata"]
    labels = current.get("labels") or {}
    wanted = {k: v for k, v in changes.items() if labels.get(k) != v}
    if not wanted:
        return "not labeled"
    for key, value in wanted.items():
        if value is not None and key in labels and not overwrite:
            raise click.ClickException(
                f"'{key}' already has a value ({labels[key]}), and --overwrite is false"
            )
    body = {"metadata": {"labels": wanted, "resourceVersion": current["resourceVersion"]}}
    session.call("PATCH", path, body, content_type=MERGE)
    return "unlabeled" if all(v is None for v in wanted.values()) else "labeled"
