"""Services behind the commands: songs, credits, privacy and operator actions."""
