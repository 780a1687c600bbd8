"""The real bot with the sandbox on a simulated Discord, in a terminal or a browser."""
