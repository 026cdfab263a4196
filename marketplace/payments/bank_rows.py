"""Keeping the bank's rows: each once, with the money in suspense until it is known whose it is."""

import unicodedata
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict
from marketplace.core.secret_text import keyring
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.ledger.posting import credit, debit, post
from marketplace.payments.bank_models import BankRow, Transfer
from marketplace.payments.open_items import name_hash

OTHERWISE = "这个流水号以前导入过，内容不一样。请核对银行的文件。"


@dataclass(frozen=True)
class BankFacts:
    """A row of a bank's file. `repeat` counts rows without a serial number that say the same: 1, 2 …"""

    day: date
    serial_no: str
    direction: str
    fen: int
    payer_name: str
    payer_account: str
    remark: str
    repeat: int = 1

    @property
    def facts_hash(self) -> str:
        """Same day, payer, sum and words: the same hash."""
        words = (self.day.isoformat(), self.direction, str(self.fen), self.payer_name, self.remark)
        plain = "|".join("".join(unicodedata.normalize("NFKC", one).split()) for one in words)
        return keyring.lookup(f"bank:{plain}")

    @property
    def key_hash(self) -> str:
        if self.serial_no:
            return keyring.lookup(f"bank serial:{self.serial_no}")
        return keyring.lookup(f"bank row:{self.facts_hash}:{self.repeat}")


def known_rows(session: Session) -> dict[str, str]:
    """Key → hash of the facts, of all rows that are there."""
    rows = session.execute(select(BankRow.key_hash, BankRow.facts_hash))
    return {row.key_hash: row.facts_hash for row in rows}


def keep_row(session: Session, actor: Actor, facts: BankFacts) -> bool:
    """Store a row and post its money once; False when it is there. Raises Conflict when its serial
    number stands for something else."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    by_id = None if actor is SYSTEM else actor.user_id
    made = session.scalar(
        dialect.insert(BankRow)
        .values(
            key_hash=facts.key_hash,
            facts_hash=facts.facts_hash,
            serial_no=facts.serial_no,
            day=facts.day,
            direction=facts.direction,
            fen=facts.fen,
            stored_at=now(),
            stored_by_id=by_id,
        )
        .on_conflict_do_nothing(index_elements=["key_hash"])
        .returning(BankRow.id)
    )
    if made is None:
        there = select(BankRow.facts_hash).where(BankRow.key_hash == facts.key_hash)
        if session.scalar(there) != facts.facts_hash:
            raise Conflict(OTHERWISE, code="serial_otherwise")
        return False
    session.add(
        Transfer(
            id=made,
            state="new" if facts.direction == "in" else "outgoing",
            payer_name=facts.payer_name,
            payer_hash=name_hash(facts.payer_name),
            payer_account=facts.payer_account,
            remark=facts.remark,
        )
    )
    session.flush()
    if facts.direction == "in":
        lines = [debit("bank", facts.fen), credit("suspense", facts.fen)]
        post(session, actor, "received", f"received:{made}", f"transfer:{made}", lines)
    return True
