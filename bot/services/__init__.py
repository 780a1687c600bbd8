"""What people ask for: songs, credits, privacy and the operator's actions."""
