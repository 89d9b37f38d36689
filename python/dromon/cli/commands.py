"""Every command, one line each: its name, where it is, and its one-line help.

Neighbours: cli.lazy imports a command's module only when it is chosen, so that `dromon get` does not pay for
`dromon up`. A module has a click.Command of the name given here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One command.

    Attributes:
        target: "module:attribute" of the click.Command.
        help: one line for `dromon --help`.
        section: its heading there.
    """

    target: str
    help: str
    section: str


CLUSTER, OBJECTS, COMPONENTS, OTHER = "Cluster", "Objects", "Components", "Other"

COMMANDS: dict[str, Entry] = {
    "up": Entry("dromon.cli.up:command", "Start a cluster on this machine.", CLUSTER),
    "down": Entry("dromon.cli.down:command", "Stop it and leave nothing behind.", CLUSTER),
    "status": Entry("dromon.cli.status:command", "Show its nodes and components.", CLUSTER),
    "snapshot": Entry("dromon.cli.snapshot:command", "Save its store to a file, and restore it.", CLUSTER),
    "get": Entry("dromon.cli.verbs.get:command", "List objects, or show some.", OBJECTS),
    "describe": Entry("dromon.cli.verbs.describe:command", "Show objects with their events.", OBJECTS),
    "create": Entry("dromon.cli.verbs.create:command", "Create objects from a file.", OBJECTS),
    "apply": Entry("dromon.cli.verbs.apply:command", "Make objects be as a file says.", OBJECTS),
    "delete": Entry("dromon.cli.verbs.delete:command", "Delete objects.", OBJECTS),
    "scale": Entry("dromon.cli.verbs.scale:command", "Change the number of replicas.", OBJECTS),
    "label": Entry("dromon.cli.verbs.label:command", "Set or remove labels.", OBJECTS),
    "logs": Entry("dromon.cli.verbs.logs:command", "Print what a container wrote.", OBJECTS),
    "exec": Entry("dromon.cli.verbs.exec:command", "Run a command in a container.", OBJECTS),
    "apiserver": Entry("dromon.cli.components:apiserver", "Serve the API.", COMPONENTS),
    "scheduler": Entry("dromon.cli.components:scheduler", "Choose nodes for pods.", COMPONENTS),
    "controller-manager": Entry(
        "dromon.cli.components:controller_manager", "Run the control loops.", COMPONENTS
    ),
    "kubelet": Entry("dromon.cli.components:kubelet", "Run a node's pods.", COMPONENTS),
    "proxy": Entry("dromon.cli.components:proxy", "Keep a node's portals.", COMPONENTS),
    "hollow": Entry("dromon.cli.components:hollow", "Simulate nodes.", COMPONENTS),
    "version": Entry("dromon.cli.version:command", "Show versions of client and server.", OTHER),
    "completion": Entry("dromon.cli.completion:command", "Print shell completion code.", OTHER),
}
