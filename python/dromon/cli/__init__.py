"""The command `dromon`: a cluster up, down and looked at, each component alone, the everyday verbs."""
