"""Volumes of pods: one module a type, one table of them.

Neighbours: dromon.kubelet.worker mounts by it.
"""
