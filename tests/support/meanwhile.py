"""Two transactions in the same moment."""

import threading
from collections.abc import Callable

from sqlalchemy.orm import Session

from marketplace.reporting.verify import verify
from tests.support.world import World

TO_THE_LOCK = 0.3
"""Seconds in which the second transaction gets as far as it can before the first one commits."""

Step = Callable[[Session], object]


def meanwhile(world: World, first: Step, second: Step) -> None:
    """`second` begins while `first` is done and not committed; what breaks in it is raised."""
    faults: list[BaseException] = []

    def begins() -> None:
        try:
            with world.transaction() as session:
                second(session)
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=begins)
    with world.transaction() as session:
        first(session)
        session.flush()
        thread.start()
        thread.join(TO_THE_LOCK)
    thread.join()
    if faults:
        raise faults[0]
    with world.transaction() as session:
        assert verify(session) == []
