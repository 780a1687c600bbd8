"""Kill the bot at random instants and audit the result."""
