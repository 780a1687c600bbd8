"""How the settings are read: sources, values, and sentences about what to correct."""
