"""The garbage collector: what an owner leaves behind goes with it, unless it is to be orphaned.

graph knows who owns whom, plan decides about one object, controller carries out.

Neighbours: dromon.controllers.manager starts it; the apiserver sets the finalizers that it acts on.
"""
