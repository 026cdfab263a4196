"""The demo's stories are told together, in the order of time: a lot that is in two of them says in its stream
what happened first, first."""

import heapq
from collections.abc import Iterator
from datetime import datetime

from marketplace.core.clock import use_clock

Story = Iterator[datetime]
"""Says at which moment it goes on, and then does what happens at that moment."""


def happen(*stories: Story) -> None:
    """Let all of them happen; of two at the same moment the one that was named first."""
    waiting = [(next(story), at) for at, story in enumerate(stories)]
    heapq.heapify(waiting)
    while waiting:
        moment, at = heapq.heappop(waiting)
        with use_clock(lambda: moment):  # noqa: B023  # left before the next moment comes
            following = next(stories[at], None)
        if following is not None:
            assert following >= moment, "a story does not go back"
            heapq.heappush(waiting, (following, at))
