"""The real bot on a simulated Discord with the sandbox, in a terminal or a browser."""
