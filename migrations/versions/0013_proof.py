"""Streams of events with their seals; every lot that is there already is taken over with a hash of its rows."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only

revision: str = '0013'
down_revision: str | Sequence[str] | None = '0012'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LOTS_AT_ONCE = 500


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('trace_seal',
    sa.Column('number', _id(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('public_key', sa.String(length=64), nullable=False),
    sa.Column('signature', sa.String(length=120), nullable=False),
    sa.Column('endorsement', sa.String(length=120), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_trace_seal'))
    )
    op.create_table('trace_stream',
    sa.Column('id', _id(), nullable=False),
    sa.Column('subject', sa.String(length=40), nullable=False),
    sa.Column('code', sa.String(length=20), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('sealed_seq', sa.BigInteger(), nullable=False),
    sa.Column('soon', sa.Boolean(), nullable=False),
    sa.CheckConstraint('seq >= 0 AND sealed_seq >= 0 AND sealed_seq <= seq', name=op.f('ck_trace_stream_seq')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_trace_stream')),
    sa.UniqueConstraint('code', name=op.f('uq_trace_stream_code')),
    sa.UniqueConstraint('subject', name=op.f('uq_trace_stream_subject'))
    )
    op.create_index('ix_trace_stream_unsealed', 'trace_stream', ['sealed_seq', 'seq'], unique=False)
    op.create_table('trace_event',
    sa.Column('id', _id(), nullable=False),
    sa.Column('stream_id', _id(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['stream_id'], ['trace_stream.id'], name=op.f('fk_trace_event_stream_id_trace_stream')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_trace_event')),
    sa.UniqueConstraint('stream_id', 'seq', name=op.f('uq_trace_event_stream_id_seq'))
    )
    op.create_table('trace_seal_leaf',
    sa.Column('id', _id(), nullable=False),
    sa.Column('seal_number', _id(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('stream_id', _id(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['seal_number'], ['trace_seal.number'], name=op.f('fk_trace_seal_leaf_seal_number_trace_seal')),
    sa.ForeignKeyConstraint(['stream_id'], ['trace_stream.id'], name=op.f('fk_trace_seal_leaf_stream_id_trace_stream')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_trace_seal_leaf')),
    sa.UniqueConstraint('seal_number', 'position', name=op.f('uq_trace_seal_leaf_seal_number_position'))
    )
    op.create_index('ix_trace_seal_leaf_stream', 'trace_seal_leaf', ['stream_id', 'seq'], unique=False)
    dialect = op.get_bind().dialect.name
    for table in ('trace_event', 'trace_seal', 'trace_seal_leaf'):
        for text in append_only(table, dialect):
            op.execute(text)
    _take_over()


def _take_over() -> None:
    """A stream for every lot, whose first event has the hash of what its rows say today."""
    bind, at = op.get_bind(), int(datetime.now(UTC).timestamp())
    lots = bind.execute(sa.text(
        'SELECT id, code, trace_code, product_id, grade, household_id, organisation_id, region_code, verified '
        'FROM lot ORDER BY id'
    )).mappings().all()
    rest = iter(lots)
    while some := list(islice(rest, LOTS_AT_ONCE)):
        first, last = some[0]['id'], some[-1]['id']
        shares = _of_lots('SELECT lot_id, household_id, quantity_base FROM lot_share', first, last)
        moved = _of_lots('SELECT lot_id, id, kind, quantity_base FROM lot_movement', first, last)
        for lot in some:
            text = _event(lot, shares[lot['id']], moved[lot['id']], at)
            found = hashlib.sha256(text.encode()).hexdigest()
            stream = bind.execute(
                sa.text('INSERT INTO trace_stream (subject, code, seq, hash, sealed_seq, soon) '
                        'VALUES (:subject, :code, 1, :hash, 0, :soon) RETURNING id'),
                {'subject': f'lot:{lot["id"]}', 'code': lot['trace_code'], 'hash': found, 'soon': False},
            ).scalar_one()
            bind.execute(
                sa.text('INSERT INTO trace_event (stream_id, seq, text, hash) VALUES (:stream, 1, :text, :hash)'),
                {'stream': stream, 'text': text, 'hash': found},
            )


def _of_lots(query: str, first: int, last: int) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    rows = op.get_bind().execute(
        sa.text(f'{query} WHERE lot_id BETWEEN :first AND :last ORDER BY id'), {'first': first, 'last': last}
    )
    for lot_id, *row in rows:
        found[lot_id].append(row)
    return found


def _event(lot: Any, shares: list[Any], moved: list[Any], at: int) -> str:
    rows = {
        'code': lot['code'],
        'grade': lot['grade'],
        'household': lot['household_id'] or 0,
        'movements': moved,
        'organisation': lot['organisation_id'] or 0,
        'product': lot['product_id'],
        'region': lot['region_code'],
        'shares': sorted([household or 0, base] for household, base in shares),
    }
    data = {
        'base': lot['verified'],
        'last_movement': moved[-1][0] if moved else 0,
        'rows': hashlib.sha256(_canonical(rows).encode()).hexdigest(),
    }
    return _canonical({
        'at': at, 'data': data, 'kind': 'taken_over', 'prev': '', 'seq': 1, 'stream': lot['trace_code'], 'v': 1,
    })


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False)


def downgrade() -> None:
    op.drop_table('trace_seal_leaf')
    op.drop_table('trace_event')
    op.drop_table('trace_stream')
    op.drop_table('trace_seal')
