"""The checks of ``tunesmith doctor``."""
