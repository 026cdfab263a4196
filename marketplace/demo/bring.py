"""How the demo acts: as its people, through files that go their whole way."""

from collections.abc import Sequence

from sqlalchemy import select

from marketplace.core.db import db
from marketplace.identity.actor import Actor
from marketplace.identity.models import User
from marketplace.identity.sessions import actor_of
from marketplace.imports.importer import Importer
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.imports.taking import take_table


class DemoFailed(Exception):
    """A file of the demo was not taken whole: the product and its demo no longer fit each other."""


def actor_named(login: str) -> Actor:
    user = db.session.scalars(select(User).where(User.login_name == login)).one()
    return actor_of(db.session, user)


def bring(actor: Actor, importer: Importer, headings: Sequence[str], rows: list[list[str]]) -> None:
    """A file on its whole way: written, read, checked, taken."""
    content = write_xlsx(headings, rows, importer.title)
    table = read_table(content, importer.columns)
    batch = take_table(actor, importer.code, f"{importer.title}.xlsx", table, "all")
    if batch.state != "done" or batch.faulty:
        raise DemoFailed(f"{importer.title}: {batch.state} {batch.message} ({batch.faulty} faulty)")
