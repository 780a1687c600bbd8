"""The database engine: transactions on one SQLite file. It knows no table."""
