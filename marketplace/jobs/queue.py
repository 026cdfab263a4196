"""The queue between web processes and the worker: Huey, which here carries no data.

A task is only a name: look what is due. So a lost queue loses nothing, and a doubled task does
nothing twice. On one machine the queue is a SQLite file in the data folder, beyond it Redis.
"""

from collections.abc import Callable
from functools import cache

from huey import Huey, RedisHuey, SqliteHuey, crontab

from marketplace.core.settings import Settings

NAME = "marketplace"
ENOUGH_WAITING = 10
"""So many waiting calls wake as well as more of them."""


def connect(settings: Settings) -> Huey:
    """The queue of these settings; makes the file when there is none."""
    if settings.redis_url:
        return RedisHuey(NAME, results=False, url=settings.redis_url)
    settings.folder.mkdir(parents=True, exist_ok=True)
    return SqliteHuey(NAME, results=False, filename=str(settings.folder / "queue.db"))


def declare(huey: Huey, on_tick: Callable[[], None], on_wake: Callable[[], None]) -> None:
    """What the worker does every minute, and when it is woken."""

    def tick() -> None:
        on_tick()

    huey.periodic_task(crontab(minute="*"))(tick)
    _declare_wake(huey, on_wake)


def make_waker(settings: Settings) -> Callable[[], None]:
    """A function that wakes the worker; it connects when it is first called."""

    @cache
    def connected() -> tuple[Huey, Callable[[], object]]:
        huey = connect(settings)
        return huey, _declare_wake(huey, lambda: None)

    def wake() -> None:
        huey, enqueue = connected()
        if huey.pending_count() < ENOUGH_WAITING:
            enqueue()

    return wake


def _declare_wake(huey: Huey, run: Callable[[], None]) -> Callable[[], object]:
    """Huey knows a task by module and name, so both sides declare it in this function."""

    def wake() -> None:
        run()

    enqueue: Callable[[], object] = huey.task()(wake)
    return enqueue
