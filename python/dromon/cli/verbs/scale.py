"""dromon scale: set how many copies a controller keeps, through the scale subresource.

Neighbours: targets says which controller.
"""

from __future__ import annotations

from typing import Any

import click

from dromon.cli.verbs import printing
from dromon.cli.verbs.session import MERGE, ServerError, Session, with_session
from dromon.cli.verbs.targets import select

EXAMPLES = """\b
Examples:
  dromon scale rc nifty-rc --replicas=6
  dromon scale rc/nifty-rc --current-replicas=4 --replicas=6
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", nargs=-1, metavar="TYPE NAME ... | TYPE/NAME ...")
@click.option("-f", "--filename", "files", multiple=True, help="Controllers that a manifest names.")
@click.option("-l", "--selector", default="", help="Those whose labels match.")
@click.option("--replicas", type=click.IntRange(min=0), required=True, help="How many copies.")
@click.option("--current-replicas", type=click.IntRange(min=0), help="Only if so many are asked for now.")
@click.option("-o", "--output", type=click.Choice(["name"]), help="Print only names.")
@with_session
def command(session: Session, what: tuple[str, ...], files: tuple[str, ...], **o: Any) -> None:
    """Set how many copies a controller keeps."""
    failed = False
    for item in select(session, what, files, labels=o["selector"]):
        path = item.kind.path(item.namespace, item.name, "scale")
        patch: dict[str, Any] = {"spec": {"replicas": o["replicas"]}}
        try:
            if o["current_replicas"] is not None:
                scale = session.call("GET", path)
                expected, found = o["current_replicas"], scale["spec"].get("replicas", 0)
                if found != expected:
                    raise click.ClickException(f"Expected replicas to be {expected}, was {found}")
                patch["metadata"] = {"resourceVersion": scale["metadata"]["resourceVersion"]}
            session.call("PATCH", path, patch, content_type=MERGE)
        except ServerError as error:
            error.show()
            failed = True
            continue
        printing.done(item.kind, item.name, "scaled", o["output"] or "")
    if failed:
        raise SystemExit(1)
