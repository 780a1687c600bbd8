"""The Dockerfile's last stage without an engine: its user, its folders, its commands."""
