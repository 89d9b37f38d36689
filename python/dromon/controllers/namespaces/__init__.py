"""Deleting a namespace deletes what is in it: plan decides, controller deletes and finalizes.

Neighbours: dromon.controllers.manager starts it; garbage collects within namespaces that stay.
"""
