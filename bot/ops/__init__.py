"""What the one who hosts the bot looks at."""
