"""The service that makes songs: its HTTP, its JSON and its audio, behind our own words."""
