"""`python -m dromon`."""

from dromon.cli.main import main

main()
