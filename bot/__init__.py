"""Tunesmith: a Discord bot that makes songs, and never loses a credit or a song."""
