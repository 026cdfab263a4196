"""Tables whose rows are never changed or deleted: the database itself refuses."""

from sqlalchemy import DDL, Table, event

SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
POSTGRES_ROW = """
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_change()
"""
POSTGRES_TRUNCATE = """
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""


def statements(table: str, dialect: str) -> list[str]:
    """The DDL that makes `table` append-only on `dialect`; migrations execute the same.

    On SQLite `INSERT OR REPLACE` deletes the old row first; with `recursive_triggers` on, the delete
    trigger sees that too.
    """
    if dialect == "postgresql":
        texts = (POSTGRES_FUNCTION, POSTGRES_ROW, POSTGRES_TRUNCATE)
        return [text.format(table=table).strip() for text in texts]
    verbs = ("UPDATE", "DELETE")
    return [SQLITE.format(table=table, verb=v.lower(), VERB=v).strip() for v in verbs]


def append_only(table: Table) -> None:
    """Attach the triggers to a model's table, so that create_all makes them too."""
    for dialect in ("sqlite", "postgresql"):
        for text in statements(table.name, dialect):
            ddl = DDL(text.replace("%", "%%"))  # type: ignore[no-untyped-call]
            ddl = ddl.execute_if(dialect=dialect)
            event.listen(table, "after_create", ddl)
