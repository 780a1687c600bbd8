"""Make the database itself refuse what a test wants to fail, on either engine."""

from bot.database.engine import Tx


def refuse(tx: Tx, event: str, when: str, words: str = "a bug") -> None:
    """Refuse rows from now on that meet ``when``; ``event`` says what is done to which table."""
    if not getattr(tx, "locks_rows", False):
        tx.execute(
            f"CREATE TRIGGER broken BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
        return
    tx.execute(f"""CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
                   'BEGIN RAISE EXCEPTION ''{words}''; END'""")
    tx.execute(f"CREATE TRIGGER broken BEFORE {event} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION broken()")
