"""The disruption controller: counts how many pods each PodDisruptionBudget lets go.

plan counts, controller reads and writes.

Neighbours: dromon.controllers.manager starts it; the apiserver's evictions spend what it counts.
"""
