"""What the gateway remembers: trades, refunds, and the notices that it still has to bring."""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

TABLES = """
CREATE TABLE IF NOT EXISTS trade (
  out_trade_no TEXT PRIMARY KEY, trade_no TEXT UNIQUE, fen INTEGER, subject TEXT, status TEXT,
  notify_url TEXT, return_url TEXT, expires_at REAL, paid_at REAL, refunded_fen INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS refund (
  out_trade_no TEXT, request_no TEXT, fen INTEGER, at REAL, PRIMARY KEY (out_trade_no, request_no));
CREATE TABLE IF NOT EXISTS notice (
  id INTEGER PRIMARY KEY, out_trade_no TEXT, url TEXT, params TEXT, sent INTEGER DEFAULT 0, due REAL,
  done INTEGER DEFAULT 0);
"""
WAITING, SUCCESS, FINISHED, CLOSED = (
    "WAIT_BUYER_PAY",
    "TRADE_SUCCESS",
    "TRADE_FINISHED",
    "TRADE_CLOSED",
)


@dataclass
class Trade:
    out_trade_no: str
    trade_no: str
    fen: int
    subject: str
    status: str
    notify_url: str
    return_url: str
    expires_at: float
    paid_at: float | None
    refunded_fen: int


@dataclass
class Due:
    """A notice whose turn has come; `sent` counts the times it was brought in vain."""

    id: int
    url: str
    params: dict[str, str]
    sent: int


class Books:
    """One file, or memory; one writer at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = RLock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._db.executescript(TABLES)

    @contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            yield self._db

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def open_trade(
        self,
        out_trade_no: str,
        fen: int,
        subject: str,
        notify_url: str,
        return_url: str,
        expires_at: float,
    ) -> Trade | None:
        """The trade of this number, new or as it was; None when it was opened for another sum. Where to
        report and to lead back to is what was said last."""
        with self.held() as db:
            db.execute(
                "INSERT OR IGNORE INTO trade VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 0)",
                (
                    out_trade_no,
                    f"2026{secrets.randbelow(10**20):020}",
                    fen,
                    subject,
                    WAITING,
                    notify_url,
                    return_url,
                    expires_at,
                ),
            )
            db.execute(
                "UPDATE trade SET notify_url = ?, return_url = ? WHERE out_trade_no = ? AND status = ?",
                (notify_url, return_url, out_trade_no, WAITING),
            )
            found = self.trade(out_trade_no)
        return found if found and found.fen == fen else None

    def trade(self, number: str) -> Trade | None:
        """By the merchant's number or the gateway's own."""
        columns = ", ".join(Trade.__dataclass_fields__)
        with self.held() as db:
            row = db.execute(
                f"SELECT {columns} FROM trade WHERE out_trade_no = ? OR trade_no = ?",  # noqa: S608
                (number, number),
            ).fetchone()
        return Trade(*row) if row else None

    def pay(self, trade: Trade, at: float) -> bool:
        """False when it cannot be paid any more."""
        with self.held() as db:
            hit = db.execute(
                "UPDATE trade SET status = ?, paid_at = ? WHERE out_trade_no = ? AND status = ? "
                "AND expires_at > ?",
                (SUCCESS, at, trade.out_trade_no, WAITING, at),
            )
        return hit.rowcount == 1

    def close_trade(self, trade: Trade) -> bool:
        with self.held() as db:
            hit = db.execute(
                "UPDATE trade SET status = ? WHERE out_trade_no = ? AND status IN (?, ?)",
                (CLOSED, trade.out_trade_no, WAITING, CLOSED),
            )
        return hit.rowcount == 1

    def finish(self, trade: Trade) -> None:
        """The time for refunds is over."""
        with self.held() as db:
            db.execute(
                "UPDATE trade SET status = ? WHERE out_trade_no = ?", (FINISHED, trade.out_trade_no)
            )

    def refund(self, trade: Trade, request_no: str, fen: int, at: float) -> bool | None:
        """True when money went back, False when this request had done it before, None when refused."""
        with self.held() as db:
            before = self.refunded(trade, request_no)
            if before is not None:
                return False if before == fen else None
            hit = db.execute(
                "UPDATE trade SET refunded_fen = refunded_fen + ?, "
                "status = CASE WHEN refunded_fen + ? = fen THEN ? ELSE status END "
                "WHERE out_trade_no = ? AND status = ? AND refunded_fen + ? <= fen",
                (fen, fen, CLOSED, trade.out_trade_no, SUCCESS, fen),
            )
            if hit.rowcount != 1:
                return None
            row = (trade.out_trade_no, request_no, fen, at)
            db.execute("INSERT INTO refund VALUES (?, ?, ?, ?)", row)
        return True

    def refunded(self, trade: Trade, request_no: str) -> int | None:
        with self.held() as db:
            row = db.execute(
                "SELECT fen FROM refund WHERE out_trade_no = ? AND request_no = ?",
                (trade.out_trade_no, request_no),
            ).fetchone()
        return int(row[0]) if row else None

    def moved(self, begin: float, end: float) -> list[tuple[str, str, str, int, float]]:
        """Of a day: trade number, merchant's number, request (empty for a payment), fen, moment."""
        with self.held() as db:
            return db.execute(
                "SELECT trade_no, out_trade_no, '', fen, paid_at FROM trade WHERE paid_at >= ? AND "
                "paid_at < ? UNION ALL SELECT trade_no, refund.out_trade_no, request_no, -refund.fen, "
                "at FROM refund JOIN trade USING (out_trade_no) WHERE at >= ? AND at < ? ORDER BY 5",
                (begin, end, begin, end),
            ).fetchall()

    def queue(self, trade: Trade, params: dict[str, str], due: float) -> None:
        with self.held() as db:
            db.execute(
                "INSERT INTO notice (out_trade_no, url, params, due) VALUES (?, ?, ?, ?)",
                (trade.out_trade_no, trade.notify_url, json.dumps(params), due),
            )

    def due(self, at: float) -> list[Due]:
        with self.held() as db:
            rows = db.execute(
                "SELECT id, url, params, sent FROM notice WHERE NOT done AND due <= ? ORDER BY due, id",
                (at,),
            ).fetchall()
        return [Due(row[0], row[1], json.loads(row[2]), row[3]) for row in rows]

    def brought(self, notice: Due, *, done: bool, next_due: float) -> None:
        with self.held() as db:
            db.execute(
                "UPDATE notice SET sent = sent + 1, done = ?, due = ? WHERE id = ?",
                (done, next_due, notice.id),
            )
