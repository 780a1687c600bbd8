"""The operator's commands, which ``bot.cli`` puts together."""
