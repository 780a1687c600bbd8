"""The services behind commands: songs, credits, privacy and the operator's actions."""
