"""dromon logs: what a container wrote.

Neighbours: session streams it.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from dromon.cli.verbs.session import Session, with_session
from dromon.cli.verbs.targets import by_names

EXAMPLES = """\b
Examples:
  dromon logs web
  dromon logs -f web -c server --tail=20
  dromon logs web --previous
"""

_UNITS = {"h": 3600, "m": 60, "s": 1}


def seconds(text: str) -> int:
    """ "90s", "5m", "1h30m" as seconds.

    Raises:
        click.BadParameter: anything else.
    """
    if not re.fullmatch(r"(\d+[hms])+", text):
        raise click.BadParameter(f"{text!r} is no duration; examples: 90s, 5m, 1h30m")
    return sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


@click.command(epilog=EXAMPLES)
@click.argument("pod", metavar="POD | TYPE/NAME")
@click.argument("container_argument", metavar="[CONTAINER]", required=False, default="")
@click.option("-c", "--container", default="", help="Which container (default: the only one).")
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written.")
@click.option("-p", "--previous", is_flag=True, help="Of the instance before the last restart.")
@click.option("--tail", type=int, default=-1, help="Only so many last lines (-1: all).")
@click.option("--since", default="", metavar="DURATION", help="Only what is younger: 90s, 5m, 1h.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@with_session
def command(session: Session, pod: str, container_argument: str, **o: Any) -> None:
    """Print the log of a container."""
    [target] = by_names(session, [pod] if "/" in pod else ["pods", pod])
    query: dict[str, Any] = {
        "container": o["container"] or container_argument,
        "follow": "true" if o["follow"] else "",
        "previous": "true" if o["previous"] else "",
        "timestamps": "true" if o["timestamps"] else "",
        "tailLines": str(o["tail"]) if o["tail"] >= 0 else "",
        "sinceSeconds": str(seconds(o["since"])) if o["since"] else "",
    }
    path = target.kind.path(target.namespace, target.name, "log")
    try:
        with session.stream(path, query, accept="*/*") as response:
            while chunk := response.read1(65536):
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        return
