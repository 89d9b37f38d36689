"""The deployment controller: one replica set for each revision of a template, rolled from one to the next.

revisions tells which replica set is which, rollout how many pods each shall have, status what is told,
controller carries out.

Neighbours: dromon.controllers.manager starts it; replication keeps the replica sets that it makes.
"""
