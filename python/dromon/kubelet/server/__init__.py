"""The kubelet's own HTTPS API: what the apiserver asks nodes for (logs, exec, attach), health and stats.

Neighbours: dromon.apiserver.kubelets calls it; it asks the runtime.
"""
