"""The built wheel: its contents, and the program installed from it."""
