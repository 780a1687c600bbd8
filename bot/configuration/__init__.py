"""Reading the settings: their sources, their validation, and sentences about what to correct."""
