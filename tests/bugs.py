"""Make the database itself reject selected writes, on either engine."""

from bot.database.engine import Tx


def refuse(tx: Tx, event: str, when: str, words: str = "a bug") -> None:
    """Reject rows that match ``when`` from now on; ``event`` names the operation and the table."""
    if not getattr(tx, "locks_rows", False):
        tx.execute(
            f"CREATE TRIGGER broken BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
        return
    tx.execute(f"""CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
                   'BEGIN RAISE EXCEPTION ''{words}''; END'""")
    tx.execute(f"CREATE TRIGGER broken BEFORE {event} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION broken()")
