"""The replication controller: N copies of a pod (talk, slide 29).

plan is what to do, ranking which pods go first, controller carries out.

Neighbours: dromon.controllers.manager starts it, for replica sets, too; the scheduler places its pods.
"""
