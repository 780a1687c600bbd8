"""The engine behind the store: transactions on one SQLite file."""
