"""The store's SQL is one text for SQLite and PostgreSQL, with only constructs that both read alike."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from bot.database import migrating
from tests.rules.repository import BOT, ROOT, name, tree

STORE: Final = [path for path in BOT if path.parent.name == "store" and path.name != "locking.py"]
"""Modules whose SQL runs on both engines; row locks exist on one of them."""
STATEMENT: Final = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|ORDER BY|GROUP BY|HAVING)\b")
ONLY_IN_ONE: Final = {
    r"\bPRAGMA\b|\bsqlite_|\browid\b|\bRAISE\b": "is SQLite's own",
    r"\bINDEXED BY\b|\bNOT INDEXED\b": "names an index for SQLite's planner",
    r"\bIIF\s*\(|\bIFNULL\s*\(|\bINSTR\s*\(|\bTOTAL\s*\(|\bGROUP_CONCAT\s*\(": "is SQLite's; CASE, COALESCE",
    r"\bREPLACE INTO\b|\bINSERT OR\b|\bUPDATE OR\b": "is SQLite's; ON CONFLICT",
    r"\b(MIN|MAX)\s*\([^()]*,": "compares in SQLite and aggregates in PostgreSQL; CASE",
    r"\bIS (NOT )?[:?]|\bIS NOT DISTINCT\b|\bIS DISTINCT\b": "needs SQLite 3.39 or is SQLite's; COALESCE",
    r"ON CONFLICT DO UPDATE": "needs its target in PostgreSQL",
    r"\bIN \(\)": "is SQLite's; IN (NULL)",
    r"\?\d": "is SQLite's placeholder; :name",
    r"\bSELECT value FROM json_each\([^)]*\)(?! AS)": "is a text in PostgreSQL; CAST(value AS BIGINT)",
    r"\(:[a-z_]+ (AND|OR)\b|\b(AND|OR|NOT|WHERE) :[a-z_]+ *(\)|AND|OR|$)": "is no truth; :name = 1",
    r"\bSUM\(_\)|\bSUM\((?!CASE)[^()]*(=|<|>| IN )": "sums booleans; COUNT(*) FILTER (WHERE …)",
    r"\bIN [a-z_]+\b(?!\s*\()": "names a table; IN (SELECT …)",
    r"[@$][a-z]|::|\bILIKE\b|\bFOR UPDATE\b|\bFOR NO KEY\b": "is PostgreSQL's; store/locking.py locks",
    r"\bCROSS JOIN\b[^()]*\bON\b": "hints at SQLite's planner",
    r"\bLOWER\s*\(|\bUPPER\s*\(|\bLIKE\b|\bGLOB\b": "knows other letters in each engine; history.folded",
}
"""Constructs that one engine lacks or interprets differently, and their replacements."""
TEXTS: Final = {r"\bSELECT value FROM json_each\([^)]*\)(?! AS)": ("backend IN", "file IN")}
"""Constructs that are correct in statements with one of these words."""
ORDERED: Final = re.compile(r"\bORDER BY\s+(?P<items>.+?)(?=\bLIMIT\b|\)|$)", re.DOTALL)
AGGREGATES: Final = {"credits"}
"""Results of aggregates that are never NULL."""
FILLED: Final = {
    ("bot/store/erasure.py", "job_id"): "the key of spool_removal",
    ("bot/store/job_rows.py", "job_id"): "a track's",
    ("bot/store/queue_order.py", "member_id"): "a job's",
    ("bot/store/ratings.py", "job_id"): "the key of rating",
    ("bot/store/claims.py", "due_at"): "only jobs with a due time are ripe",
}
"""Columns that may be NULL elsewhere, but not where they are ordered by."""


def inserted(part: ast.expr, fragments: Mapping[str, str]) -> str:
    """Return a part of an f-string; of inserted values, only constants of the module are known."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    used = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(used, ast.Call) and isinstance(used.func, ast.Attribute):  # fragment.format(…)
        used = used.func.value
    return fragments.get(used.id, "_") if isinstance(used, ast.Name) else "_"


def statements(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each text of a module that is SQL, with inserted values as underscores."""
    inside = {
        id(part) for node in ast.walk(tree(path)) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    fragments = {
        target.id: node.value.value
        for node in tree(path).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.JoinedStr):
            text = "".join(inserted(part, fragments) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            text = node.value
        else:
            continue
        if STATEMENT.search(text):
            yield node.lineno, text


def wrong(text: str) -> list[str]:
    """Return the constructs that an engine would reject or interpret differently."""
    found = []
    for pattern, advice in ONLY_IN_ONE.items():
        excuses = TEXTS.get(pattern, ())
        match = re.search(pattern, text)
        if match and not any(excuse in text for excuse in excuses):
            found.append(f"{match[0]!r} {advice}")
    return found


def nullable() -> set[str]:
    """Return the columns of all tables that may be NULL."""
    import sqlite3  # noqa: PLC0415 - the schema alone is read here

    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrating.migrate(connection, Path("memory"), keep=False)
    tables = [
        row["name"] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    ]
    columns = {
        row["name"]
        for table in tables
        for row in connection.execute(f"PRAGMA table_info({table})")
        if not row["notnull"] and not row["pk"]
    }
    connection.close()
    return columns


def unordered(text: str, columns: set[str]) -> list[str]:
    """Return the ORDER BY items that may be NULL without stating where those rows come."""
    found = []
    for order in ORDERED.finditer(text):
        for item in order["items"].split(","):
            column = item.strip().split(" ")[0].lstrip("+").rpartition(".")[2]
            compared = re.search(rf"\b{column}\b (IS NOT NULL|[<>]=?)", text)
            derived = re.search(rf"\b(MAX|MIN|SUM)\([^()]*\)[^,]*?\bAS {column}\b", text)
            may_be_null = column in columns or (derived and column not in AGGREGATES)
            if may_be_null and "NULLS" not in item and not compared:
                found.append(item.strip())
    return found


def test_the_stores_sql_is_common_to_both_engines() -> None:
    assert [] == [
        f"{name(path)}:{line} {finding}"
        for path in STORE
        for line, text in statements(path)
        for finding in wrong(text)
    ]


def test_an_order_by_states_the_place_of_nulls() -> None:
    columns = nullable()

    assert [] == [
        f"{name(path)}:{line} {item}"
        for path in STORE
        for line, text in statements(path)
        for item in unordered(text, columns)
        if (name(path), item) not in FILLED
    ]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT MAX(a, b) FROM job",
        "SELECT IIF(a, b, c) FROM job",
        "UPDATE job SET a = 1 WHERE b IS :seen",
        "INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET value = 1",
        "SELECT SUM(member_id = :member) FROM job",
        "SELECT 1 FROM job WHERE id IN (SELECT value FROM json_each(?))",
        "SELECT 1 FROM job INDEXED BY job_due",
        "SELECT 1 FROM song WHERE id IN theirs",
        "SELECT id FROM job WHERE id = ?1",
        "SELECT id FROM job WHERE (due_at IS NULL OR NOT :all)",
        "SELECT id FROM guild WHERE id = ? FOR UPDATE",
    ],
)
def test_a_construct_of_only_one_engine_is_detected(text: str) -> None:
    assert wrong(text)


def test_an_order_without_a_place_for_nulls_is_detected() -> None:
    text = "SELECT MAX(submitted_at) AS served FROM job ORDER BY served, due_at, id"

    assert ["served", "due_at"] == unordered(text, {"due_at"})


def test_the_engines_name_no_table_of_the_store() -> None:
    tables = set()
    for migration in (ROOT / "bot" / "database" / "migrations").rglob("*.sql"):
        tables |= set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", migration.read_text("utf-8")))
    named = [
        f"{name(path)}:{line} {table}"
        for path in BOT
        if path.parent.name == "database" and path.name != "facts.py"
        for line, text in statements(path)
        for table in re.findall(r"\b(?:FROM|INTO|UPDATE|JOIN|TABLE) (\w+)", text)
        if table in tables
    ]

    assert {"fact", "guild", "job", "ledger"} <= tables
    assert [] == named
