"""A component's config dataclass as a command: one option a field, its help from the docstring's Attributes.

So a setting is declared and documented in one place, dromon.<component>.config.

Neighbours: cli.components makes the commands by it; base.run runs them.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import logging
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

import click

from dromon.base import durations
from dromon.base.durations import Seconds

log = logging.getLogger(__name__)

_ENTRY = re.compile(r"^ {8}(\w+(?:, ?\w+)*): (.*)$")


@dataclasses.dataclass(frozen=True, slots=True)
class ComponentType:
    """Where a component is.

    Attributes:
        name: of its command and its log, "scheduler".
        config: "module:Class" of its config.
        main: "module:function" of its coroutine function (config, ready=...).
    """

    name: str
    config: str
    main: str

    def config_class(self) -> type[Any]:
        """The config's dataclass."""
        return typing.cast("type[Any]", load(self.config))

    def main_function(self) -> Callable[..., Any]:
        """The component's main; importing it is the expensive part."""
        return typing.cast("Callable[..., Any]", load(self.main))


def load(target: str) -> Any:
    """What "module:attribute" names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def run(component: ComponentType, config: Any, ready: Callable[[], None] | None = None) -> int:
    """Run the component until SIGTERM or SIGINT; the exit code.

    What it can't work with (a port in use, a missing file, a store that does not open) is one line in the
    log that says so; its traceback is there at level debug.
    """
    from dromon.base.run import run as run_loop
    from dromon.client.config import ConfigError
    from dromon.store.interface import StoreError

    failed = False

    async def main() -> None:
        nonlocal failed
        try:
            await component.main_function()(config, ready=ready)
        except (OSError, ValueError, ConfigError, StoreError) as error:
            failed = True
            log.error("stopped", extra={"error": f"{type(error).__name__}: {error}"})
            log.debug("the error's traceback", exc_info=True)

    run_loop(main())
    return int(failed)


def command(component: ComponentType, *, help: str, examples: str) -> click.Command:
    """The click command that runs the component until SIGTERM or SIGINT.

    Args:
        help: what it does, one paragraph.
        examples: lines of shell for --help.
    """

    def callback(log_level: str, **values: Any) -> None:
        config = _build(component.config_class(), values)
        from dromon.base.log import setup

        setup(component.name, log_level)
        sys.exit(run(component, config))

    levels = click.Choice(["debug", "info", "warning", "error"])
    level = click.Option(
        ["--log-level"], type=levels, default="info", show_default=True, help="How much to log."
    )
    epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples.strip().splitlines())
    return _Lazy(component, name=component.name, callback=callback, params=[level], help=help, epilog=epilog)


class _Lazy(click.Command):
    """A command whose options are made when they are first looked at."""

    def __init__(self, component: ComponentType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._component = component
        self._complete = False

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        if not self._complete:
            self.params = [*options(self._component.config_class()), *self.params]
            self._complete = True
        return super().get_params(ctx)


def options(config: type[Any]) -> list[click.Parameter]:
    """An option for each field of a config dataclass."""
    hints = typing.get_type_hints(config)
    help_of: dict[str, str] = {}
    for base in reversed(config.__mro__):
        help_of |= attribute_help(base.__doc__ or "")
    shared = {name for base in config.__mro__[1:] for name in inspect.get_annotations(base)}
    fields = sorted(dataclasses.fields(config), key=lambda field: field.name in shared)  # its own come first
    return [_option(field, hints[field.name], help_of.get(field.name, "")) for field in fields]


def attribute_help(docstring: str) -> dict[str, str]:
    """Field name -> text, from the "Attributes:" section of a docstring."""
    texts: dict[str, str] = {}
    names: list[str] = []
    _, _, section = docstring.partition("Attributes:\n")
    for line in section.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            names = [name.strip() for name in entry[1].split(",")]
            texts.update(dict.fromkeys(names, entry[2].strip()))
        elif line.startswith(" " * 12) and names:
            for name in names:
                texts[name] += " " + line.strip()
        elif line.strip():
            break
    return texts


def _option(field: dataclasses.Field[Any], hint: Any, text: str) -> click.Option:
    flag = "--" + field.name.replace("_", "-")
    flags = [*([field.metadata["flag"]] if "flag" in field.metadata else []), flag, field.name]
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    default = None if required else _default(field)
    kind, multiple = _click_type(hint)
    text = text[:1].upper() + text[1:]
    if kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=default, show_default=True, help=text)
    if multiple:
        text = f"{text} Separated by commas." if text else "Separated by commas."
        kind, default = str, ",".join(str(part) for part in default or ())
    return click.Option(
        flags,
        type=kind,
        required=required,
        default=default,
        show_default=default not in (None, ""),
        help=text,
    )


class _Duration(click.ParamType[Any]):
    """Seconds, or "15s" and "1m30s" as upstream's flags have it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return value if isinstance(value, float) else durations.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _click_type(hint: Any) -> tuple[type[Any] | click.ParamType[Any], bool]:
    """The type of an option, and whether it takes several values."""
    if hint is Seconds:
        return _Duration(), False
    origin = typing.get_origin(hint)
    if origin in (tuple, list, frozenset):
        return str, True
    if origin in (types.UnionType, typing.Union):
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        return _click_type(parts[0])
    if origin is typing.Literal:
        return click.Choice(typing.get_args(hint)), False
    return (hint if hint in (bool, int, float) else str), False


def _build(config: type[Any], values: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(config)
    fields: dict[str, Any] = {}
    for name, value in values.items():
        _, multiple = _click_type(hints[name])
        if multiple:
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        fields[name] = value
    try:
        return config(**fields)
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None
