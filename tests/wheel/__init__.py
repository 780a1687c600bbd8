"""The built wheel: what it contains, and the program that is installed from it."""
