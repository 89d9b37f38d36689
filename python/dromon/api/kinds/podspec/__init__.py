"""Pod specs: their defaults, their validity and what an update may change.

Neighbours: kinds.pod, kinds.podtemplate and kinds.replicationcontroller, whose objects hold a spec.
"""
