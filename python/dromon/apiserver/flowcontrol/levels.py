"""Priority levels, and which of them a request belongs to.

Source: Kubernetes documentation, "API Priority and Fairness", suggested configuration. Two departures: users
of system:masters are not exempt, since every script with the administrator's kubeconfig is one of them (they
have a level of their own, `masters`); and their heartbeats of simulated nodes count as nodes' do.

Neighbours: gate asks for the level of each request; queues shares time by `shares`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromon.apiserver.authn import User

MASTERS = "system:masters"
NODES = "system:nodes"
CONTROL_PLANE = ("system:kube-scheduler", "system:kube-controller-manager")
SYSTEM_ACCOUNTS = "system:serviceaccount:kube-system:"
ACCOUNTS = "system:serviceaccounts"


@dataclass(frozen=True, slots=True)
class LevelConfig:
    """A priority level; `shares` weighs its time, seats and bytes against the others'."""

    name: str
    shares: int


NODE_HIGH = LevelConfig("node-high", 40)
SYSTEM = LevelConfig("system", 30)
LEADER_ELECTION = LevelConfig("leader-election", 10)
WORKLOAD_HIGH = LevelConfig("workload-high", 40)
MASTERS_LEVEL = LevelConfig("masters", 40)
WORKLOAD_LOW = LevelConfig("workload-low", 100)
GLOBAL_DEFAULT = LevelConfig("global-default", 20)

LEVELS = (NODE_HIGH, SYSTEM, LEADER_ELECTION, WORKLOAD_HIGH, MASTERS_LEVEL, WORKLOAD_LOW, GLOBAL_DEFAULT)


def level_of(user: User) -> LevelConfig:
    """The level of a user's requests, special ones apart."""
    if MASTERS in user.groups:
        return MASTERS_LEVEL
    if NODES in user.groups:
        return SYSTEM
    if user.name in CONTROL_PLANE or user.name.startswith(SYSTEM_ACCOUNTS):
        return WORKLOAD_HIGH
    return WORKLOAD_LOW if ACCOUNTS in user.groups else GLOBAL_DEFAULT


def special(usual: LevelConfig, verb: str, plural: str, namespace: str, subresource: str) -> LevelConfig:
    """The level of a request for nodes or leases, given its user's usual one.

    Heartbeats (Leases of kube-node-lease, nodes and their status) and leader election go before other work.
    """
    if usual is SYSTEM or usual is MASTERS_LEVEL:
        if (
            plural == "leases"
            and namespace == "kube-node-lease"
            and verb in ("get", "create", "update", "patch")
        ):
            return NODE_HIGH
        if plural == "nodes" and (subresource == "status" or usual is SYSTEM) and verb != "list":
            return NODE_HIGH
    elif usual is WORKLOAD_HIGH and plural == "leases" and verb in ("get", "create", "update", "patch"):
        return LEADER_ELECTION
    return usual
