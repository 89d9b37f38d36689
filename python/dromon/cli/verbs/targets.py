"""What the arguments of a verb mean: TYPE[,TYPE] [NAME ...], TYPE/NAME ..., or files with -f.

Neighbours: every verb that acts on objects; manifests reads the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from dromon.cli.verbs.discover import Kind
from dromon.cli.verbs.manifests import read
from dromon.cli.verbs.session import Session


@dataclass(frozen=True, slots=True)
class Object:
    """One object that an argument names; `manifest` where it comes from a file."""

    kind: Kind
    namespace: str
    name: str
    manifest: dict[str, Any] | None = None

    @property
    def display(self) -> str:
        """ "pod/web" """
        return f"{self.kind.display}/{self.name}"

    @property
    def path(self) -> str:
        return self.kind.path(self.namespace, self.name)


def kinds(session: Session, text: str) -> list[Kind]:
    """The kinds of "pods,svc" or of the category "all"."""
    found: list[Kind] = []
    for part in text.split(","):
        category = session.catalog.category(part)
        found.extend(category or [session.kind(part)])
    return found


def by_names(session: Session, arguments: Sequence[str]) -> list[Object]:
    """The objects of `TYPE NAME ...` or `TYPE/NAME ...`.

    Raises:
        click.UsageError: the two forms are mixed, or a name is missing.
    """
    found = []
    if any("/" in argument for argument in arguments):
        for argument in arguments:
            text, slash, name = argument.partition("/")
            if not slash or not name:
                raise click.UsageError(
                    "there is no need to specify a resource type as a separate argument "
                    "when passing arguments in resource/name form"
                )
            kind = session.kind(text)
            found.append(Object(kind, session.namespace if kind.namespaced else "", name))
        return found
    for kind in kinds(session, arguments[0]) if arguments else []:
        found.extend(Object(kind, session.namespace if kind.namespaced else "", n) for n in arguments[1:])
    return found


def from_files(session: Session, files: Sequence[str], *, namespace_given: bool = False) -> Iterator[Object]:
    """The objects of manifests, in order.

    Raises:
        click.ClickException: a manifest can't be read, or the server lacks its kind.
    """
    for manifest in read(files):
        metadata = manifest.get("metadata") or {}
        kind = session.catalog.of(str(manifest.get("apiVersion", "")), str(manifest.get("kind", "")))
        if kind is None:
            what = f'kind "{manifest.get("kind")}" in version "{manifest.get("apiVersion")}"'
            raise click.ClickException(f"no matches for {what}: the server doesn't have it")
        namespace = ""
        if kind.namespaced:
            namespace = metadata.get("namespace") or session.namespace
        yield Object(kind, namespace, metadata.get("name") or "", manifest)


def select(
    session: Session,
    arguments: Sequence[str],
    files: Sequence[str],
    *,
    labels: str = "",
    everything: bool = False,
) -> list[Object]:
    """The objects that a verb shall act on: by name, by file, by selector, or all of a type.

    Raises:
        click.UsageError: nothing is named.
    """
    if files:
        return list(from_files(session, files))
    if not arguments:
        raise click.UsageError("name what to act on: TYPE NAME, TYPE/NAME, or files with -f")
    named = by_names(session, arguments)
    if named:
        return named
    if not (labels or everything):
        raise click.UsageError("resource(s) were provided, but no name was specified")
    found = []
    for kind in kinds(session, arguments[0]):
        namespace = session.namespace if kind.namespaced else ""
        answer = session.call("GET", kind.path(namespace), query={"labelSelector": labels})
        for item in answer["items"]:
            metadata = item["metadata"]
            found.append(Object(kind, metadata.get("namespace", ""), metadata["name"]))
    return found
