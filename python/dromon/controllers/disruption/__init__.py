"""The disruption controller: counts how many pods each PodDisruptionBudget lets go.

plan counts, controller reads and writes.
"""
