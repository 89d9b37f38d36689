"""dromon apply: make objects what manifests say; what the manifests don't mention stays as it is.

The manifest is kept in the annotation that kubectl uses, so that the two can take turns on an object.
Source: Kubernetes documentation, "Declarative management: how apply calculates differences".

Neighbours: dromon.api.patch.three_way computes the result, printing says what was done.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import click

from dromon.cli.verbs import printing
from dromon.cli.verbs.session import ServerError, Session, with_session
from dromon.cli.verbs.targets import Object, from_files

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ATTEMPTS = 5

EXAMPLES = """\b
Examples:
  dromon apply -f nifty-rc.yaml
  cat *.yaml | dromon apply -f -
"""

Json = dict[str, Any]


@click.command(epilog=EXAMPLES)
@click.option("-f", "--filename", "files", multiple=True, required=True, help="Manifest, directory, or -.")
@click.option("-o", "--output", type=click.Choice(["name", "json", "yaml"]), help="Form of the output.")
@with_session
def command(session: Session, files: tuple[str, ...], output: str | None) -> None:
    """Make objects what manifests say."""
    failed = False
    for item in from_files(session, files):
        if not item.name:
            raise click.ClickException(f"{item.kind.kind}: apply needs metadata.name")
        try:
            said, answer = _apply(session, item)
        except ServerError as error:
            error.show()
            failed = True
            continue
        printing.done(item.kind, item.name, said, output or "", answer)
    if failed:
        raise SystemExit(1)


def _apply(session: Session, item: Object) -> tuple[str, Json]:
    """Create or change one object; retried when somebody else changed it meanwhile."""
    query = {"fieldValidation": "Strict"}
    wanted = annotated(item.manifest or {}, item.namespace)
    for attempt in range(_ATTEMPTS):
        try:
            current = session.call("GET", item.path)
        except ServerError as error:
            if error.code != 404:
                raise
            return "created", session.call("POST", item.kind.path(item.namespace), wanted, query=query)
        result = merged(wanted, current, _struct(item))
        if result == current:
            return "unchanged", current
        try:
            return "configured", session.call("PUT", item.path, result, query=query)
        except ServerError as error:
            if error.code != 409 or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def annotated(manifest: Json, namespace: str) -> Json:
    """The manifest with itself in the annotation, as kubectl writes it."""
    wanted = copy.deepcopy(manifest)
    metadata = wanted.setdefault("metadata", {})
    if namespace:
        metadata["namespace"] = namespace
    annotations = metadata["annotations"] = dict(metadata.get("annotations") or {})
    annotations.pop(LAST_APPLIED, None)
    text = json.dumps(wanted, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    annotations[LAST_APPLIED] = text + "\n"
    return wanted


def merged(wanted: Json, current: Json, struct: Any) -> Json:
    """What shall be, from the manifest, the object and the manifest that is kept in it."""
    from dromon.api.patch import three_way  # the API's types load only for apply

    annotations = current["metadata"].get("annotations") or {}
    try:
        original = json.loads(annotations.get(LAST_APPLIED) or "{}")
    except ValueError:
        original = {}
    return three_way.merge(original, wanted, current, struct)


def _struct(item: Object) -> Any:
    from dromon.api import scheme

    resource = scheme.by_kind(item.kind.api_version, item.kind.kind)
    return resource.struct if resource else None
