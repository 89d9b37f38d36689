"""Container runtimes behind one seam: interface says what a runtime does, docker and hollow do it.

Neighbours: dromon.kubelet.worker drives it.
"""
