"""`dromon completion`: code that makes a shell complete our commands and options.

Neighbours: click makes the code; cli.lazy completes command names without importing them.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EPILOG = """\b
Examples:
  source <(dromon completion bash)                                in this shell
  dromon completion bash > ~/.local/share/bash-completion/completions/dromon
  dromon completion zsh > "${fpath[1]}/_dromon"
  dromon completion fish > ~/.config/fish/completions/dromon.fish
"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the code that makes SHELL complete dromon's commands and options."""
    completion = get_completion_class(shell)
    assert completion is not None
    root = ctx.find_root().command
    click.echo(completion(root, {}, "dromon", "_DROMON_COMPLETE").source())
