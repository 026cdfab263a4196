"""Papers that the demo's buyers ask for: certificates issued at the scales, inspection slips brought along."""

from datetime import timedelta

from marketplace.catalog.lot_papers import Brought, attach_paper, issue_certificate
from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import CERTIFICATE
from marketplace.core.clock import today
from marketplace.core.db import transaction
from marketplace.demo.bring import actor_named
from marketplace.orders.missing_papers import missing_papers
from marketplace.orders.rounds import get_round


def bring_papers(round_id: int) -> None:
    """Everything that the round's goods need to leave."""
    clerk = actor_named("jihuo")
    with transaction() as session:
        found = get_round(session, round_id)
        for number, one in enumerate(missing_papers(session, found), 1):
            lot = session.get_one(Lot, one.lot_id)
            if one.kind == CERTIFICATE:
                issue_certificate(session, clerk, lot, lot.verified, "controlled")
                continue
            last = found.delivers_on + timedelta(days=1)
            slip = Brought(
                one.kind, f"动检演示 {found.number}-{number:03d}", today(), last, "岚溪县畜牧站"
            )
            attach_paper(session, clerk, lot, slip)
