"""dromon get: lists and objects as tables, names, YAML or JSON, and watches.

Neighbours: printing makes the output, targets reads the arguments.
"""

from __future__ import annotations

from typing import Any

import click

from dromon.cli.verbs import printing
from dromon.cli.verbs.discover import Kind
from dromon.cli.verbs.session import ServerError, Session, with_session
from dromon.cli.verbs.targets import Object, by_names, from_files, kinds

EXAMPLES = """\b
Examples:
  dromon get pods
  dromon get pods -A -o wide
  dromon get pods -l 'app in (a,b),!canary' -w
  dromon get rc/nifty-rc -o yaml
  dromon get pods,services
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", nargs=-1, metavar="TYPE[,TYPE] [NAME ...] | TYPE/NAME ...")
@click.option("-f", "--filename", "files", multiple=True, help="Objects that a manifest names.")
@click.option(
    "-o", "--output", type=click.Choice(["wide", "json", "yaml", "name"]), help="Form of the output."
)
@click.option("-l", "--selector", default="", help="Label selector: app=a,tier!=b,'x in (1,2)',!y.")
@click.option("--field-selector", default="", help="Field selector: status.phase=Running.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Objects of every namespace.")
@click.option("-w", "--watch", is_flag=True, help="Go on with every change, until interrupted.")
@click.option("--no-headers", is_flag=True, help="Leave the headings out.")
@click.option("--show-labels", is_flag=True, help="Add a column with the labels.")
@click.option("--ignore-not-found", is_flag=True, help="Nothing found is no error.")
@with_session
def command(session: Session, what: tuple[str, ...], files: tuple[str, ...], **options: Any) -> None:
    """Show objects."""
    if not what and not files:
        raise click.UsageError("You must specify the type of resource to get: dromon get pods")
    getter = Getter(session, options)
    named = list(from_files(session, files)) if files else by_names(session, what)
    if named:
        getter.objects(named)
    else:
        getter.lists(kinds(session, what[0]))


class Getter:
    """One invocation of get.

    Args:
        session: the API.
        options: the command's options by name.
    """

    def __init__(self, session: Session, options: dict[str, Any]) -> None:
        self._session = session
        self._o = options
        self._form = options["output"] or ""

    def objects(self, objects: list[Object]) -> None:
        """Show objects by name; the exit code is 1 when one is missing."""
        failed = False
        found: list[dict[str, Any]] = []
        grouped: dict[Kind, list[tuple[Object, Any]]] = {}
        accept = "application/json" if self._form in ("json", "yaml", "name") else printing.TABLE
        for item in objects:
            try:
                answer = self._session.call("GET", item.path, accept=accept)
            except ServerError as error:
                if error.code == 404 and self._o["ignore_not_found"]:
                    continue
                error.show()
                failed = True
                continue
            found.append(answer)
            grouped.setdefault(item.kind, []).append((item, answer))
        if self._form == "name":
            for group in grouped.values():
                for item, _ in group:
                    click.echo(item.display)
        elif self._form in ("json", "yaml"):
            if found:
                single = found[0] if len(objects) == 1 else printing.as_list(found)
                click.echo(printing.dump(single, self._form))
        else:
            self._tables({kind: [table for _, table in group] for kind, group in grouped.items()})
            if self._o["watch"] and len(objects) == 1 and found:
                version = found[0].get("metadata", {}).get("resourceVersion", "")
                self._watch(objects[0].kind, version, f"metadata.name={objects[0].name}")
        if failed:
            raise SystemExit(1)

    def lists(self, chosen: list[Kind]) -> None:
        """Show the objects of kinds."""
        plain = self._form in ("json", "yaml", "name")
        accept = "application/json" if plain else printing.TABLE
        answers = {
            kind: self._session.call("GET", self._path(kind), query=self._query(), accept=accept)
            for kind in chosen
        }
        if self._form in ("json", "yaml"):
            items = [self._typed(kind, item) for kind, a in answers.items() for item in a["items"]]
            click.echo(printing.dump(printing.as_list(items), self._form))
            return
        if self._form == "name":
            for kind, answer in answers.items():
                for item in answer["items"]:
                    click.echo(f"{kind.display}/{item['metadata']['name']}")
        else:
            shown = self._tables({kind: [table] for kind, table in answers.items()})
            if not shown and not self._o["watch"] and not self._o["ignore_not_found"]:
                where = (
                    ""
                    if self._o["all_namespaces"] or not any(k.namespaced for k in chosen)
                    else (f" in {self._session.namespace} namespace")
                )
                click.echo(f"No resources found{where}{'.' if where else ''}", err=True)
        if self._o["watch"]:
            if len(chosen) > 1:
                raise click.UsageError("you may only specify a single resource type with --watch")
            self._watch(chosen[0], answers[chosen[0]]["metadata"].get("resourceVersion", ""), "")

    def _typed(self, kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": kind.api_version, "kind": kind.kind, **item}

    def _path(self, kind: Kind) -> str:
        everywhere = self._o["all_namespaces"] or not kind.namespaced
        return kind.path("" if everywhere else self._session.namespace)

    def _query(self) -> dict[str, Any]:
        return {"labelSelector": self._o["selector"], "fieldSelector": self._o["field_selector"]}

    def _printer(self, kind: Kind, several: bool) -> printing.TablePrinter:
        return printing.TablePrinter(
            wide=self._form == "wide",
            namespaces=self._o["all_namespaces"] and kind.namespaced,
            show_labels=self._o["show_labels"],
            prefix=f"{kind.display}/" if several else "",
        )

    def _tables(self, tables: dict[Kind, list[dict[str, Any]]]) -> int:
        """Print a table a kind, an empty line between them; returns how many rows there were."""
        count = 0
        for kind, parts in tables.items():
            printer = self._printer(kind, len(tables) > 1)
            rows = [row for part in parts for row in printer.rows(part)]
            if not rows:
                continue
            if count:
                click.echo()
            count += len(rows)
            headed = rows if self._o["no_headers"] else [printer.header(), *rows]
            click.echo("\n".join(printing.columns(headed)))
        return count

    def _watch(self, kind: Kind, version: str, field: str) -> None:
        """Print every change from `version` on; rows keep the widths of nothing, as kubectl's do."""
        query = self._query() | {"watch": "true", "resourceVersion": version}
        if field:
            query["fieldSelector"] = field
        printer = self._printer(kind, several=False)
        plain = self._form in ("json", "yaml", "name")
        accept = "application/json" if plain else printing.TABLE
        try:
            for event in self._session.lines(self._path(kind), query, accept):
                self._event(kind, event, printer)
        except KeyboardInterrupt:
            return

    def _event(self, kind: Kind, event: dict[str, Any], printer: printing.TablePrinter) -> None:
        thing = event["object"]
        if event["type"] == "BOOKMARK":
            return
        if event["type"] == "ERROR":
            raise ServerError(thing.get("code", 500), thing)
        if self._form == "name":
            click.echo(f"{kind.display}/{thing['metadata']['name']}")
        elif self._form in ("json", "yaml"):
            click.echo(("---\n" if self._form == "yaml" else "") + printing.dump(thing, self._form))
        else:
            click.echo("\n".join(printing.columns(printer.rows(thing))))
