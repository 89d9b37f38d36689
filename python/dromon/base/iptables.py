"""Chains of our own in iptables: read what the kernel has, write only what differs, never touch another's.

A plan is made of whole chains (`Chains`); a chain is ours when its name begins with the owner's prefix.
Built-in chains get nothing but jumps to ours. Writing is one `iptables-restore --noflush` for each table
that changed: the kernel takes it in one step, so that no packet ever sees half of it.

Neighbours: dromon.proxy keeps the portals in such chains, dromon.kubelet.network host ports and forwarding.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TIMEOUT = 60.0
"""Seconds that a call of iptables may take: a full table of an old kernel takes half of it."""


class IptablesError(Exception):
    """iptables can't be run, or refused; the text has its words."""


class Chain(NamedTuple):
    """A chain's place: table ("nat") and name."""

    table: str
    name: str


Chains = Mapping[Chain, tuple[str, ...]]
"""Chain -> its rules, each as `iptables-save` prints it, without "-A <chain> "."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A rule in a built-in chain that leads to a chain of ours.

    Attributes:
        chain: the built-in chain.
        rule: as `iptables-save` prints it: "-m conntrack --ctstate NEW -j DROMON-...".
        behind: pattern of chain names; the rule comes behind the last jump to one that matches, else first.
    """

    chain: Chain
    rule: str
    behind: str = ""


def instance(state_dir: str) -> str:
    """Eight hexadecimal digits that tell the nodes of one machine apart, from the node's state directory."""
    return hashlib.sha256(os.path.realpath(state_dir).encode()).hexdigest()[:8]


def comment(text: str) -> str:
    """A comment match for `text`, quoted as `iptables-save` quotes it."""
    clean = re.sub(r"[^A-Za-z0-9_./:@+=, -]", "?", text)[:255]
    return (
        f"-m comment --comment {clean}"
        if re.fullmatch(r"[A-Za-z0-9_-]+", clean)
        else (f'-m comment --comment "{clean}"')
    )


def parse(saved: str) -> dict[Chain, tuple[str, ...]]:
    """Every chain of an `iptables-save` text, built-in ones included."""
    chains: dict[Chain, list[str]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chains[Chain(table, line[1:].split(" ", 1)[0])] = []
        elif line.startswith("-A "):
            name, _, rule = line[3:].partition(" ")
            chains.setdefault(Chain(table, name), []).append(rule)
    return {chain: tuple(rules) for chain, rules in chains.items()}


def render(changes: Mapping[Chain, tuple[str, ...] | None], commands: Iterable[tuple[str, str]] = ()) -> str:
    """The text for `iptables-restore --noflush`.

    Args:
        changes: chain -> its new rules, or None to delete it.
        commands: (table, line) of further lines, after the chains' rules and before deletions.
    """
    lines: dict[str, list[str]] = {}
    for chain in changes:
        lines.setdefault(chain.table, []).append(f":{chain.name} - [0:0]")
    for chain, rules in changes.items():
        lines[chain.table] += [f"-A {chain.name} {rule}" for rule in rules or ()]
    for table, command in commands:
        lines.setdefault(table, []).append(command)
    for chain, rules in changes.items():
        if rules is None:
            lines[chain.table].append(f"-X {chain.name}")
    return "".join("\n".join([f"*{table}", *listed, "COMMIT"]) + "\n" for table, listed in lines.items())


def jump_commands(jumps: Sequence[Jump], kernel: Chains) -> list[tuple[str, str]]:
    """The `-I` lines for those of `jumps` that `kernel` lacks."""
    commands = []
    for jump in jumps:
        present = kernel.get(jump.chain, ())
        if jump.rule in present:
            continue
        position = 1
        if jump.behind:
            pattern = re.compile(jump.behind)
            before = [at for at, rule in enumerate(present, 1) if pattern.search(rule)]
            position = before[-1] + 1 if before else 1
        commands.append((jump.chain.table, f"-I {jump.chain.name} {position} {jump.rule}"))
    return commands


def removal(kernel: Chains, prefix: str) -> tuple[dict[Chain, None], list[tuple[str, str]]]:
    """What takes away every chain that begins with `prefix` and every rule elsewhere that leads to one."""
    own: dict[Chain, None] = {chain: None for chain in kernel if chain.name.startswith(prefix)}
    leads = re.compile(rf"(^| )-[jg] {re.escape(prefix)}")
    commands = [
        (chain.table, f"-D {chain.name} {rule}")
        for chain, rules in kernel.items()
        if chain not in own
        for rule in rules
        if leads.search(rule)
    ]
    return own, commands


def run(program: str, arguments: Sequence[str], text: str = "") -> str:
    """Run iptables-save or iptables-restore with `text` on stdin and return its stdout. Blocks.

    Raises:
        IptablesError: it is not installed, failed or did not end in time.
    """
    path = _find(program)
    if path is None:
        raise IptablesError(f"{program} is not installed: portals and pod networking need iptables")
    try:
        done = subprocess.run(
            [path, *arguments], input=text, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise IptablesError(f"{program} did not end within {TIMEOUT:.0f} s") from None
    if done.returncode != 0:
        words = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise IptablesError(f"{program}: {words}")
    return done.stdout


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class OwnChains:
    """The chains of one owner. Blocks; not for concurrent use.

    What the kernel has is read by `read` and then remembered, so that `sync` costs what changes. iptables of
    another version may print a rule in other words than ours: what the kernel prints for a chain that we
    wrote is learned at the next `read`, and compared with from then on.

    Args:
        prefix: of the owner's chain names.
        jumps: from built-in chains to the owner's.
        tables: where the owner has chains.
        runner: runs iptables-save and -restore.
    """

    def __init__(
        self,
        prefix: str,
        jumps: Sequence[Jump],
        tables: Sequence[str] = ("nat", "filter"),
        runner: Callable[[str, Sequence[str], str], str] = run,
    ) -> None:
        self._prefix = prefix
        self._jumps = tuple(jumps)
        self._tables = tuple(tables)
        self._run = runner
        self._kernel: dict[Chain, tuple[str, ...]] | None = None
        self._missing_jumps: list[tuple[str, str]] = []
        self._unlearned: set[Chain] = set()
        self._spelled: dict[Chain, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def read(self) -> dict[Chain, tuple[str, ...]]:
        """Look at what the kernel has of the owner's chains."""
        found: dict[Chain, tuple[str, ...]] = {}
        for table in self._tables:
            found |= parse(self._run("iptables-save", ["-t", table], ""))
        self._missing_jumps = jump_commands(self._jumps, found)
        before = self._kernel or {}
        self._kernel = {
            chain: self._in_our_words(chain, rules, before.get(chain))
            for chain, rules in found.items()
            if chain.name.startswith(self._prefix)
        }
        self._unlearned.clear()
        return self._kernel

    def _in_our_words(
        self, chain: Chain, rules: tuple[str, ...], ours: tuple[str, ...] | None
    ) -> tuple[str, ...]:
        if ours is not None and rules != ours and chain in self._unlearned and len(rules) == len(ours):
            self._spelled[chain] = (ours, rules)
        in_ours, in_kernels = self._spelled.get(chain, (rules, rules))
        return in_ours if rules == in_kernels else rules

    def sync(self, desired: Chains, dirty: Collection[Chain] | None = None) -> int:
        """Make the kernel have `desired`, in one step a table.

        Args:
            desired: every chain that the owner shall have.
            dirty: the chains that may differ since the last call; None compares all and deletes those
                of the owner's that are not desired.

        Returns:
            how many chains were written or deleted.

        Raises:
            IptablesError: nothing of the table at fault was changed; what the kernel has will be read again.
        """
        kernel = self._kernel
        if kernel is None:
            kernel, dirty = self.read(), None
        looked_at = {*desired, *kernel} if dirty is None else dirty
        changes = {
            chain: desired.get(chain) for chain in looked_at if desired.get(chain) != kernel.get(chain)
        }
        if not changes and not self._missing_jumps:
            return 0
        try:
            self._run("iptables-restore", ["--noflush", "-w", "5"], render(changes, self._missing_jumps))
        except IptablesError:
            self._kernel = None
            raise
        self._missing_jumps = []
        for chain, rules in changes.items():
            self._spelled.pop(chain, None)
            if rules is None:
                kernel.pop(chain, None)
            else:
                kernel[chain] = rules
                self._unlearned.add(chain)
        return len(changes)


def remove(prefix: str, tables: Sequence[str] = ("nat", "filter")) -> list[str]:
    """Take away every chain that begins with `prefix` and every jump to one. Blocks.

    Returns:
        "table chain" of each that was there; none where iptables is not installed.
    """
    removed: list[str] = []
    if _find("iptables-save") is None:
        return removed
    for table in tables:
        own, commands = removal(parse(run("iptables-save", ["-t", table])), prefix)
        if own or commands:
            run("iptables-restore", ["--noflush", "-w", "5"], render(own, commands))
            removed += [f"{chain.table} {chain.name}" for chain in own]
    return removed
