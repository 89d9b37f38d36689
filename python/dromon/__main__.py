"""`python -m dromon`, the same as the command `dromon`.

Neighbours: dromon.cli.main is what it runs.
"""

from dromon.cli.main import main

main()
