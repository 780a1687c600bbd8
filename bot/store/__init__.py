"""What must outlive the process: one SQLite file, the ledger and the jobs in it."""
