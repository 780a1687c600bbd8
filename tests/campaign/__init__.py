"""Kill the bot at random instants, again and again, and audit what came of it: ``python -m tests.campaign``."""
