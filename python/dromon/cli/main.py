"""The entry point of `dromon`.

Neighbours: cli.commands lists the commands, cli.lazy loads them.
"""

from __future__ import annotations

import click

from dromon.cli.commands import COMMANDS
from dromon.cli.lazy import LazyGroup

EPILOG = """\b
Examples:
  dromon up                          a real cluster, with Docker where it can be used
  dromon up --runtime hollow --nodes 100 --detach
  KUBECONFIG=~/.dromon/kubeconfig kubectl get nodes
  dromon get pods -A
  dromon down --purge

Every option has an environment variable DROMON_<COMMAND>_<OPTION>, for instance DROMON_UP_DATA_DIR.
"""


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "DROMON"},
)
def cli() -> None:
    """A container orchestrator: a real cluster with one command."""


def main() -> None:
    """Run the command line; never returns."""
    cli(prog_name="dromon")
