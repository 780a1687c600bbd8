"""Database tables: jobs, the credit ledger, and everything else that must survive a restart."""
