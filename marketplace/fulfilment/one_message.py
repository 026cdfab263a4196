"""What happens to many orders and households at once is told to each person once."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.bulk import in_batches
from marketplace.fulfilment.portions import Supplier
from marketplace.fulfilment.telling import keepers_of
from marketplace.notices.outbox import Message, enqueue_all
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_models import Round

MOST_SENTENCES = 20
"""So many stand in a message; the pages have the rest."""


class OneMessage:
    """Sentences by account, in the order in which they were said; each stands once."""

    def __init__(self) -> None:
        self._said: defaultdict[int, dict[str, None]] = defaultdict(dict)

    @property
    def people(self) -> int:
        return len(self._said)

    def say(self, user_id: int, sentence: str) -> None:
        self._said[user_id][sentence] = None

    def send(self, session: Session, key: str, kind: str, subject: str, title: str) -> int:
        """Returns to how many people. `key` names the act: sent twice is sent once."""
        enqueue_all(
            session,
            [
                Message(
                    provider_key=f"{key}:{user_id}",
                    kind=kind,
                    subject=subject,
                    title=title,
                    body=_body(list(sentences)),
                    to_user_id=user_id,
                )
                for user_id, sentences in sorted(self._said.items())
            ],
        )
        return len(self._said)

    def say_lines(self, session: Session, packs: Mapping[int, int], sentence: str) -> None:
        """To the buyers of these lines (order line id → packs): `sentence` has places for order, goods and
        packs."""
        for some in in_batches(packs):
            for line in session.scalars(
                select(OrderLine)
                .where(OrderLine.id.in_(some))
                .options(joinedload(OrderLine.order), joinedload(OrderLine.listing))
                .order_by(OrderLine.id)
            ):
                words = sentence.format(
                    order=line.order.number, goods=line.listing.full_title, packs=packs[line.id]
                )
                self.say(line.order.buyer_id, words)

    def say_changed(self, session: Session, in_round: Round, made: Mapping[Supplier, int]) -> None:
        """To those who look after suppliers with a new sheet: how many."""
        counts: Counter[int] = Counter()
        for users in keepers_of(session, list(made)).values():
            counts.update(users)
        for user_id, count in counts.items():
            self.say(
                user_id,
                f"第 {in_round.number} 期有 {count} 张备货单改了，请在“备货”里看新的一版，再通知到户。",
            )


def plain(text: str) -> str:
    """For a sentence of say_lines: what people typed has no places in it."""
    return text.replace("{", "{{").replace("}", "}}")


def _body(sentences: list[str]) -> str:
    more = f"还有 {len(sentences) - MOST_SENTENCES} 条，请看订单。"
    shown = sentences[:MOST_SENTENCES]
    return "\n".join([*shown, more] if len(sentences) > MOST_SENTENCES else shown)
