"""The user interface on Discord: the only package that knows Discord, and all texts that people read."""
