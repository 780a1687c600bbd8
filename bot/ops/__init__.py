"""Operation: logs, health, metrics, backup, and the doctor."""
