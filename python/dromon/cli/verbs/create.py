"""dromon create: objects from manifests, and the few kinds that people make by hand.

Neighbours: manifests reads the files, printing says what was made.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import click

from dromon.cli.verbs import printing
from dromon.cli.verbs.session import ServerError, Session, with_session
from dromon.cli.verbs.targets import from_files

EXAMPLES = """\b
Examples:
  dromon create -f pod.yaml
  cat *.yaml | dromon create -f -
  dromon create namespace team-a
  dromon create configmap settings --from-literal=a=b --from-file=nginx.conf
"""

_form = click.option(
    "-o", "--output", type=click.Choice(["name", "json", "yaml"]), help="Form of the output."
)
_literal = click.option("--from-literal", "literals", multiple=True, metavar="KEY=VALUE", help="An entry.")
_file = click.option(
    "--from-file", "sources", multiple=True, metavar="[KEY=]FILE", help="An entry from a file."
)


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.option(
    "-f", "--filename", "files", multiple=True, help="Manifest, directory, or - for standard input."
)
@_form
@click.pass_context
@with_session
def command(session: Session, context: click.Context, files: tuple[str, ...], output: str | None) -> None:
    """Create objects."""
    context.obj = session
    if context.invoked_subcommand is not None:
        return
    if not files:
        raise click.UsageError("must specify -f FILE, or what to create (see --help)")
    failed = False
    for item in from_files(session, files):
        try:
            made = session.call(
                "POST", item.kind.path(item.namespace), item.manifest, query={"fieldValidation": "Strict"}
            )
        except ServerError as error:
            error.show()
            failed = True
            continue
        printing.done(item.kind, made["metadata"]["name"], "created", output or "", made)
    if failed:
        raise SystemExit(1)


def _make(session: Session, type_name: str, manifest: dict[str, Any], output: str | None) -> None:
    kind = session.kind(type_name)
    body = {"apiVersion": kind.api_version, "kind": kind.kind, **manifest}
    namespace = session.namespace if kind.namespaced else ""
    made = session.call("POST", kind.path(namespace), body, query={"fieldValidation": "Strict"})
    printing.done(kind, made["metadata"]["name"], "created", output or "", made)


def _entries(literals: tuple[str, ...], sources: tuple[str, ...]) -> dict[str, bytes]:
    """The entries of --from-literal and --from-file.

    Raises:
        click.ClickException: an entry is malformed or a file can't be read.
    """
    entries: dict[str, bytes] = {}
    for literal in literals:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--from-literal={literal}: expected KEY=VALUE")
        entries[key] = value.encode()
    for source in sources:
        key, equals, file = source.rpartition("=")
        path = Path(file)
        try:
            entries[key if equals else path.name] = path.read_bytes()
        except OSError as error:
            raise click.ClickException(f"error reading {path}: {error.strerror}") from error
    return entries


@command.command("namespace")
@click.argument("name")
@_form
@click.pass_obj
def namespace(session: Session, name: str, output: str | None) -> None:
    """Create a namespace."""
    _make(session, "namespaces", {"metadata": {"name": name}}, output)


@command.command("configmap")
@click.argument("name")
@_literal
@_file
@_form
@click.pass_obj
def configmap(
    session: Session, name: str, literals: tuple[str, ...], sources: tuple[str, ...], output: str | None
) -> None:
    """Create a ConfigMap from literals and files."""
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in _entries(literals, sources).items():
        try:
            text[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    manifest = {"metadata": {"name": name}, "data": text, "binaryData": binary}
    _make(session, "configmaps", {k: v for k, v in manifest.items() if v}, output)


@command.command("secret")
@click.argument("name")
@_literal
@_file
@_form
@click.pass_obj
def secret(
    session: Session, name: str, literals: tuple[str, ...], sources: tuple[str, ...], output: str | None
) -> None:
    """Create an Opaque Secret from literals and files."""
    entries = _entries(literals, sources).items()
    data = {key: base64.b64encode(value).decode() for key, value in entries}
    _make(session, "secrets", {"metadata": {"name": name}, "type": "Opaque", "data": data}, output)
