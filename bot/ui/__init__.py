"""The Discord user interface: all Discord-specific code and every text that people read."""
