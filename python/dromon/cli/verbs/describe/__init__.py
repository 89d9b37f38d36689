"""dromon describe: an object with what belongs to it, and its events, for people to read.

Neighbours: others.DESCRIBERS has one describer a kind; writer aligns the lines.
"""

from __future__ import annotations

import click

from dromon.cli.verbs.describe.others import DESCRIBERS, anything
from dromon.cli.verbs.describe.writer import Writer
from dromon.cli.verbs.session import ServerError, Session, with_session
from dromon.cli.verbs.targets import select

EXAMPLES = """\b
Examples:
  dromon describe pod web
  dromon describe rc/nifty-rc
  dromon describe pods -l App=Nifty
  dromon describe nodes
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", nargs=-1, metavar="TYPE [NAME ...] | TYPE/NAME ...")
@click.option("-f", "--filename", "files", multiple=True, help="Objects that a manifest names.")
@click.option("-l", "--selector", default="", help="Those whose labels match.")
@with_session
def command(session: Session, what: tuple[str, ...], files: tuple[str, ...], selector: str) -> None:
    """Show an object with what belongs to it, and its events."""
    failed, blocks = False, []
    for item in select(session, what, files, labels=selector, everything=True):
        try:
            obj = session.call("GET", item.path)
        except ServerError as error:
            error.show()
            failed = True
            continue
        writer = Writer()
        DESCRIBERS.get((item.kind.group, item.kind.kind), anything)(writer, session, obj)
        blocks.append(writer.text())
    if blocks:
        click.echo("\n\n\n".join(blocks))
    if failed:
        raise SystemExit(1)
    if not blocks:
        click.echo(f"No resources found in {session.namespace} namespace.", err=True)
