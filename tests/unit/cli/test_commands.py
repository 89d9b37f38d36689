"""The command line: every command loads, helps and completes, and none pays for another's imports."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Literal

import click
import pytest
from click.testing import CliRunner

from dromon.cli import component, components
from dromon.cli.commands import COMMANDS
from dromon.cli.main import cli
from dromon.scheduler.config import SchedulerConfig


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"], prog_name="dromon")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: dromon {name}")
    assert len(result.output.splitlines()) > 4


def test_help_lists_all_by_section() -> None:
    output = CliRunner().invoke(cli, ["--help"]).output
    assert all(f"  {name} " in output for name in COMMANDS)
    assert [line for line in output.splitlines() if line in ("Cluster:", "Objects:", "Components:", "Other:")]


def test_unknown_commands_are_usage_errors() -> None:
    result = CliRunner().invoke(cli, ["nonsense"])
    assert result.exit_code == 2
    assert "No such command" in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_code(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_DROMON_COMPLETE" in result.output


def test_light_commands_do_not_import_the_heavy_ones() -> None:
    """dromon get must not pay for the components, nor for certificates."""
    program = """
import sys
from dromon.cli.main import cli
from dromon.scheduler.config import SchedulerConfig
cli(["version", "--help"], standalone_mode=False)
heavy = ("docker", "pyroute2", "cryptography", "uvloop", "dromon.apiserver", "dromon.kubelet", "dromon.store")
print([m for m in heavy if m in sys.modules])
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert output.stdout.splitlines()[-1] == "[]"


@dataclasses.dataclass(frozen=True)
class Example:
    """A config.

    Attributes:
        kubeconfig: where the
            file is.
        first, second: numbers.
        names: some of them.
        engine: which one.
        on: whether at all.
        way: one of two.
    """

    kubeconfig: str
    first: int = 1
    second: float = 2.5
    names: tuple[str, ...] = ("a", "b")
    engine: str | None = None
    on: bool = True
    way: Literal["up", "down"] = "up"


EXAMPLE = component.ComponentType("example", f"{__name__}:Example", f"{__name__}:run")


def test_options_come_from_the_config() -> None:
    options = {o.name: o for o in component.options(Example) if isinstance(o, click.Option)}
    assert list(options) == ["kubeconfig", "first", "second", "names", "engine", "on", "way"]
    assert options["kubeconfig"].required
    assert options["kubeconfig"].help == "Where the file is."
    assert options["first"].help == options["second"].help == "Numbers."
    assert options["names"].default == "a,b"
    assert options["on"].secondary_opts == ["--no-on"]
    assert not options["engine"].required
    assert isinstance(options["way"].type, click.Choice)
    assert list(options["way"].type.choices) == ["up", "down"]


def test_inherited_settings_come_last_and_take_durations() -> None:
    options = {o.name: o for o in component.options(SchedulerConfig) if isinstance(o, click.Option)}
    assert next(iter(options)) == "kubeconfig"
    assert options["leader_elect_resource_name"].default == "kube-scheduler"
    duration = options["leader_elect_lease_duration"]
    assert duration.help == "A holder that is not heard of for so long is replaced."
    assert duration.type.convert("1m30s", duration, None) == 90
    with pytest.raises(click.BadParameter, match='write it as "15s"'):
        duration.type.convert("15 parsecs", duration, None)


def test_values_become_the_config() -> None:
    values = {"kubeconfig": "k", "first": 3, "second": 1.5, "names": "x, y,", "engine": None, "on": False}
    assert component._build(Example, values) == Example("k", 3, 1.5, ("x", "y"), None, False)


@pytest.mark.parametrize(
    "name", ["apiserver", "scheduler", "controller_manager", "kubelet", "proxy", "hollow"]
)
def test_every_setting_of_a_component_is_documented(name: str) -> None:
    command = getattr(components, name)
    params = command.get_params(click.Context(command))
    undocumented = [p.name for p in params if isinstance(p, click.Option) and not p.help]
    assert undocumented == []


def test_environment_variables_set_options() -> None:
    result = CliRunner().invoke(
        cli, ["up"], env={"DROMON_UP_DATA_DIR": "/proc/nowhere"}, auto_envvar_prefix="DROMON"
    )
    assert "/proc/nowhere can't be used" in result.output
    assert "--data-dir" in result.output
