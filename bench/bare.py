"""The limits: bare Flask doing the least that is still correct, without anything of the product.

/order: the minimal correct SQL of an order of the same lines: lock in id order, take all or nothing,
write the order and its lines, commit. /shop: one ORM query and a template of 24 rows.
"""

import os
import secrets

from flask import Flask, request
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from marketplace.orders.round_models import Listing

app = Flask(__name__)
URL = os.environ["BENCH_URL"]
engine = create_engine(URL, pool_size=10, max_overflow=10, pool_pre_ping=True)  # as the product
PAGE = app.jinja_env.from_string("""<!doctype html><html lang="zh-CN"><body>{% for row in rows %}
<article><h2>{{ row.title }}</h2><p>{{ row.origin_text }} {{ row.pack_name }}</p>
<b>{{ '%.2f'|format(row.price_fen / 100) }}</b><span>{{ row.capacity_packs - row.reserved_packs }}</span></article>
{% endfor %}</body></html>""")


@app.post("/order")
def order() -> str:
    wanted = {int(k[6:]): int(v) for k, v in request.form.items() if k.startswith("packs-")}
    ids, number = sorted(wanted), secrets.token_hex(6)
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        rows = run(
            "SELECT id, price_fen, farmgate_fen, service_fen, freight_fen, pack_base FROM listing "
            "WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            (ids,),
        ).fetchall()
        taken = run(
            "UPDATE listing SET reserved_packs = reserved_packs + w.packs FROM unnest(%s::bigint[], %s::bigint[]) "
            "AS w(id, packs) WHERE listing.id = w.id AND reserved_packs + w.packs <= capacity_packs",
            (ids, [wanted[i] for i in ids]),
        )
        if taken.rowcount != len(ids):
            connection.rollback()
            return "sold out"
        total = sum(row[1] * wanted[row[0]] for row in rows)
        order_id = run(
            "INSERT INTO preorder (number, state, channel, round_id, buyer_id, region_code, pickup_point_id, "
            "contact_name, note, total_fen, collected_fen, collected_how, placed_at, ended_because, version) "
            "SELECT %s, 'confirmed', 'shop', round_id, (SELECT min(id) FROM account), '990101000000', "
            "(SELECT min(id) FROM pickup_point), '', '', %s, 0, '', now(), '', 1 FROM listing WHERE id = %s RETURNING id",
            (number, total, ids[0]),
        ).scalar_one()
        run(
            "INSERT INTO order_line (order_id, listing_id, packs, pack_base, price_fen, farmgate_fen, service_fen, "
            "freight_fen, fund_source, whole_or_nothing, cut_reason) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'own', false, '')",
            [(order_id, r[0], wanted[r[0]], r[5], r[1], r[2], r[3], r[4]) for r in rows],
        )
    return number


@app.get("/shop/goods")
def shop() -> str:
    with Session(engine) as session:
        rows = session.scalars(select(Listing).where(Listing.state == "on_sale").limit(24)).all()
        return PAGE.render(rows=rows)
