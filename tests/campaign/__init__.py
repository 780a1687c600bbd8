"""The bot killed at random instants, again and again, and an audit of what came of it."""
