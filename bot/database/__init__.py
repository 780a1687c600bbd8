"""The database engines: transactions on an SQLite file or a PostgreSQL database."""
