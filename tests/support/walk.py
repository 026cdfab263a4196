"""R19: from every accepted pack to its household, in SQL of its own.

Nothing of the product's models, queries or checks is used here: a mistake that both shared would be
seen by neither.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

TAKEN = """
WITH given AS (
    SELECT order_line_id, lot_id, sum(packs) AS packs FROM allocation GROUP BY order_line_id, lot_id
), back AS (
    SELECT order_line_id, lot_id,
        sum(packs) AS packs,
        sum(CASE WHEN stage = 'acceptance' THEN packs ELSE 0 END) AS rejected,
        sum(CASE WHEN fault = 'farm' THEN packs ELSE 0 END) AS borne
    FROM goods_return GROUP BY order_line_id, lot_id
), weighed AS (
    SELECT order_line_id, lot_id, sum(farmgate_off_fen) AS off_fen,
        sum(CASE WHEN goods_return_id IS NULL THEN grams ELSE 0 END) AS accepted_g
    FROM accepted_weight GROUP BY order_line_id, lot_id
), taken AS (
    SELECT o.id AS order_id, o.number, l.id AS line_id, g.lot_id,
        g.packs AS sent, g.packs - coalesce(b.rejected, 0) AS accepted,
        g.packs - coalesce(b.borne, 0) AS owed,
        CASE WHEN l.heaviest_g IS NOT NULL AND p.base_unit = 'g' THEN coalesce(w.accepted_g, 0)
            ELSE (g.packs - coalesce(b.rejected, 0)) * l.pack_base END AS sold,
        (g.packs - coalesce(b.borne, 0)) * l.farmgate_fen - coalesce(w.off_fen, 0) AS fen
    FROM preorder o
    JOIN order_line l ON l.order_id = o.id
    JOIN listing i ON i.id = l.listing_id
    JOIN product p ON p.id = i.product_id
    JOIN given g ON g.order_line_id = l.id
    LEFT JOIN back b ON b.order_line_id = l.id AND b.lot_id = g.lot_id
    LEFT JOIN weighed w ON w.order_line_id = l.id AND w.lot_id = g.lot_id
    WHERE o.state = 'closed'
)
"""
STEPS = {
    "a pack of more than was sent": "SELECT number FROM taken WHERE accepted < 0 OR owed < 0",
    "a pack without a household": """
        SELECT t.number FROM taken t WHERE t.accepted > 0 AND NOT EXISTS (
            SELECT 1 FROM lot_share s LEFT JOIN household h ON h.id = s.household_id
            WHERE s.lot_id = t.lot_id AND (s.household_id IS NULL OR h.id IS NOT NULL))""",
    "a lot that is not all somebody's": """
        SELECT lot.code FROM lot JOIN taken t ON t.lot_id = lot.id
        WHERE lot.verified + lot.surplus + lot.adjusted <> (
            SELECT sum(quantity_base) FROM lot_share s WHERE s.lot_id = lot.id)""",
    "a line whose lots do not add up": """
        SELECT o.number FROM order_line l JOIN preorder o ON o.id = l.order_id WHERE o.state = 'closed'
        AND l.allocated_packs <> (SELECT coalesce(sum(sent), 0) FROM taken t WHERE t.line_id = l.id)""",
    "a lot that sold other than was accepted": """
        SELECT lot.code FROM lot WHERE lot.sold <> (
            SELECT coalesce(sum(t.sold), 0) FROM taken t WHERE t.lot_id = lot.id)""",
    "a weight that is worth something else": """
        SELECT o.number FROM accepted_weight w
        JOIN order_line l ON l.id = w.order_line_id JOIN preorder o ON o.id = l.order_id
        WHERE w.packs > 0 AND w.packs * l.farmgate_fen - w.farmgate_off_fen
            <> (2 * l.farmgate_fen * w.grams + l.heaviest_g) / (2 * l.heaviest_g)""",
    "a pack by weight that was never weighed": """
        SELECT t.number FROM taken t JOIN order_line l ON l.id = t.line_id
        WHERE l.heaviest_g IS NOT NULL AND t.accepted <> (
            SELECT coalesce(sum(w.packs), 0) FROM accepted_weight w
            WHERE w.order_line_id = t.line_id AND w.lot_id = t.lot_id AND w.goods_return_id IS NULL)""",
    "an order that owes a lot other than its packs": """
        SELECT t.number FROM taken t JOIN lot ON lot.id = t.lot_id
        GROUP BY t.order_id, t.number, lot.id, lot.code
        HAVING sum(t.fen) <> -(
            SELECT coalesce(sum(e.fen), 0) FROM ledger_entry e JOIN journal j ON j.number = e.journal_number
            WHERE e.account = 'lot_payable' AND e.party = 'lot:' || lot.code
            AND j.subject = 'order:' || t.number)""",
    "an order paid out other than it owes": """
        SELECT o.number FROM payout_item i JOIN preorder o ON o.id = i.order_id
        WHERE NOT i.dropped AND i.fen <> (
            SELECT coalesce(sum(t.fen), 0) FROM taken t
            WHERE t.order_id = i.order_id AND t.lot_id = i.lot_id)""",
    "a run split otherwise than it was taken up": """
        SELECT lot.code FROM payout_item i JOIN lot ON lot.id = i.lot_id WHERE NOT i.dropped
        GROUP BY i.run_id, lot.id, lot.code HAVING sum(i.fen) <> (
            SELECT coalesce(sum(p.fen), 0) FROM payout_part p JOIN payout_line l ON l.id = p.line_id
            WHERE l.run_id = i.run_id AND p.lot_id = lot.id AND l.state <> 'rejected')""",
    "a part of somebody who has none in the lot": """
        SELECT lot.code FROM payout_part p JOIN lot ON lot.id = p.lot_id WHERE NOT EXISTS (
            SELECT 1 FROM lot_share s WHERE s.lot_id = p.lot_id
            AND coalesce(s.household_id, 0) = coalesce(p.household_id, 0))""",
}


def astray(session: Session) -> list[str]:
    """What does not reach a household with equal quantity and fen; accepted packs must be there at all."""
    found = [
        f"{what}: {row}"
        for what, query in STEPS.items()
        for (row,) in session.execute(text(f"{TAKEN} {query}"))  # our own words
    ]
    reached = session.execute(text(f"{TAKEN} SELECT coalesce(sum(accepted), 0) FROM taken"))
    return found if reached.scalar_one() else [*found, "nothing was accepted"]
