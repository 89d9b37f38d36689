"""The controllers: independent loops that observe, diff and act (talk: "control loops").

Each loop plans by a pure function (state and time in, a plan out) and carries the plan out through the
public API. manager.CONTROLLERS lists them; main.run runs them in one process; controller.Controller is what
they share: informers, a work queue, workers, back-off.

Neighbours: dromon.client is the only way to the cluster.
"""
