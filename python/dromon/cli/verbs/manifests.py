"""Manifests: YAML or JSON from files, directories or standard input, several documents each, Lists unpacked.

Neighbours: targets turns them into objects.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

_ENDINGS = (".yaml", ".yml", ".json")


def read(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every object of the named files, in order; "-" is standard input.

    Raises:
        click.ClickException: a file is missing or is no manifest.
    """
    for name in names:
        for source, text in _texts(name):
            yield from _objects(source, text)


def _texts(name: str) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(name)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in _ENDINGS)
        if not files:
            raise click.ClickException(f"{name}: no .yaml, .yml or .json file in this directory")
    else:
        files = [path]
    for file in files:
        try:
            yield str(file), file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f'the path "{file}" can\'t be read: {error}') from error


def _objects(source: str, text: str) -> Iterator[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = [d for d in yaml.load_all(text, Loader=loader) if d is not None]
    except yaml.YAMLError as error:
        raise click.ClickException(f"error parsing {source}: {error}") from error
    for document in documents:
        if not isinstance(document, dict) or not document.get("kind") or not document.get("apiVersion"):
            raise click.ClickException(f"{source}: a manifest needs kind and apiVersion")
        if document["kind"] == "List":
            yield from document.get("items") or []
        else:
            yield document
