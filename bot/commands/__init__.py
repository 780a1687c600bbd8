"""The operator's commands, which ``bot.cli`` assembles."""
