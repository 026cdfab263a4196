"""Streams of events, one for each lot, and the seals that fix how long they were and what they said."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId


class TraceStream(Base):
    """The head of a stream: how many events it has and the hash of the last. Locked while one is added."""

    __tablename__ = "trace_stream"
    __table_args__ = (
        CheckConstraint("seq >= 0 AND sealed_seq >= 0 AND sealed_seq <= seq", name="seq"),
        Index("ix_trace_stream_unsealed", "sealed_seq", "seq"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(40), unique=True)  # lot:12
    code: Mapped[str] = mapped_column(String(20), unique=True)  # public, random
    seq: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(String(64), default="")
    sealed_seq: Mapped[int] = mapped_column(default=0)
    soon: Mapped[bool] = mapped_column(default=False)
    """Its last events are sealed at once, not at the end of the day."""


class TraceEvent(Base):
    """One event: `hash` is that of `text`, which is canonical JSON and names the hash before it."""

    __tablename__ = "trace_event"
    __table_args__ = (UniqueConstraint("stream_id", "seq"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("trace_stream.id"))
    seq: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class Seal(Base):
    """A signed root over the heads that have changed since the seal before, which `text` names."""

    __tablename__ = "trace_seal"
    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str] = mapped_column(String(64))  # Ed25519, base64
    signature: Mapped[str] = mapped_column(String(120))
    endorsement: Mapped[str] = mapped_column(String(120), default="")
    """By the key before, where this seal is the first of a new key."""


class SealLeaf(Base):
    """A stream's head as a seal has it; `position` counts from 0, in order of the streams' codes."""

    __tablename__ = "trace_seal_leaf"
    __table_args__ = (
        UniqueConstraint("seal_number", "position"),
        Index("ix_trace_seal_leaf_stream", "stream_id", "seq"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    seal_number: Mapped[int] = mapped_column(ForeignKey("trace_seal.number"))
    position: Mapped[int]
    stream_id: Mapped[int] = mapped_column(ForeignKey("trace_stream.id"))
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


for _kept in (TraceEvent, Seal, SealLeaf):
    assert isinstance(_kept.__table__, Table)
    append_only(_kept.__table__)
