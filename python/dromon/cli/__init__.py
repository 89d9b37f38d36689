"""The command `dromon`: a cluster up, down and looked at, each component alone, the everyday verbs.

Neighbours: main is the entry, commands lists what there is; it wires components, store and client.
"""
