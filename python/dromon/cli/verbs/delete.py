"""dromon delete: by name, by file, by selector, or all of a type; waits until they are gone.

Neighbours: targets says what is meant.
"""

from __future__ import annotations

import time
from typing import Any

import click

from dromon.cli.verbs.session import ServerError, Session, with_session
from dromon.cli.verbs.targets import Object, select

EXAMPLES = """\b
Examples:
  dromon delete pod web
  dromon delete -f pod.yaml
  dromon delete pods -l App=Nifty
  dromon delete pod stuck --force
"""

_POLICY = {"background": "Background", "orphan": "Orphan", "foreground": "Foreground"}


@click.command(epilog=EXAMPLES)
@click.argument("what", nargs=-1, metavar="TYPE NAME ... | TYPE/NAME ...")
@click.option("-f", "--filename", "files", multiple=True, help="Objects that a manifest names.")
@click.option("-l", "--selector", default="", help="Those whose labels match.")
@click.option("--all", "everything", is_flag=True, help="All objects of the type in the namespace.")
@click.option("--grace-period", type=int, default=-1, help="Seconds to end in (-1: the object's own).")
@click.option("--now", is_flag=True, help="The same as --grace-period=1.")
@click.option("--force", is_flag=True, help="Delete at once, without waiting for the node to confirm.")
@click.option(
    "--cascade", type=click.Choice(list(_POLICY)), default="background", help="What becomes of dependents."
)
@click.option("--ignore-not-found", is_flag=True, help="What is not there is no error.")
@click.option("--wait/--no-wait", default=True, help="Wait until the objects are gone (default).")
@click.option("--timeout", type=float, default=0, help="Seconds to wait at most (0: for ever).")
@click.option("-o", "--output", type=click.Choice(["name"]), help="Print only names.")
@with_session
def command(session: Session, what: tuple[str, ...], files: tuple[str, ...], **o: Any) -> None:
    """Delete objects."""
    objects = select(session, what, files, labels=o["selector"], everything=o["everything"])
    options: dict[str, Any] = {"propagationPolicy": _POLICY[o["cascade"]]}
    if o["force"]:
        click.echo(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been "
            "terminated. The resource may continue to run on the cluster indefinitely.",
            err=True,
        )
    grace = 0 if o["force"] and o["grace_period"] < 0 else 1 if o["now"] else o["grace_period"]
    if grace >= 0:
        options["gracePeriodSeconds"] = grace
    failed, gone = False, []
    for item in objects:
        try:
            answer = session.call("DELETE", item.path, options)
        except ServerError as error:
            if error.code == 404 and o["ignore_not_found"]:
                continue
            error.show()
            failed = True
            continue
        verb = "force deleted" if o["force"] else "deleted"
        click.echo(item.display if o["output"] else f'{item.kind.display} "{item.name}" {verb}')
        gone.append((item, _uid(answer)))
    if not objects:
        click.echo("No resources found", err=True)
    if o["wait"]:
        _wait(session, gone, o["timeout"])
    if failed:
        raise SystemExit(1)


def _uid(answer: dict[str, Any]) -> str:
    """The UID of what was deleted: from the object, or from a Status' details."""
    uid = answer.get("metadata", {}).get("uid") or (answer.get("details") or {}).get("uid")
    return str(uid or "")


def _wait(session: Session, gone: list[tuple[Object, str]], timeout: float) -> None:
    """Return when no object with these UIDs is left.

    Raises:
        click.ClickException: not within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    for item, uid in gone:
        while True:
            try:
                current = session.call("GET", item.path)
            except ServerError as error:
                if error.code == 404:
                    break
                raise
            if uid and current["metadata"]["uid"] != uid:
                break
            if timeout and time.monotonic() > deadline:
                raise click.ClickException(f"timed out waiting for the deletion of {item.display}")
            time.sleep(0.1)
