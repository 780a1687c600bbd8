"""The checks behind ``tunesmith doctor``."""
