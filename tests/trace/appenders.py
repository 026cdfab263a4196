"""Processes that append: `python -m tests.trace.appenders URL FOLDER PROCESSES COUNT`, each so many times
to the streams there are. They part when the application is made, which costs more than the work."""

import os
import random
import sys
from pathlib import Path

from sqlalchemy import select

from marketplace.app import create_app
from marketplace.core.db import db, transaction
from marketplace.trace.models import TraceStream
from marketplace.trace.streams import Event, append
from tests.support.app import settings_for


def work(app, count, seed):
    chance = random.Random(seed)
    with app.app_context():
        db.engine.dispose(close=False)  # nobody shares a connection with another process
        subjects = list(db.session.scalars(select(TraceStream.subject)))
        db.session.rollback()
        for number in range(count):
            chosen = chance.sample(subjects, chance.randint(1, len(subjects)))
            with transaction() as session:
                append(session, [Event(one, "moved", {"base": number}) for one in chosen])


def main():
    url, folder, processes, count = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
    app = create_app(settings_for(url, folder))
    children = []
    for seed in range(processes):
        child = os.fork()
        if child == 0:
            work(app, count, seed)
            os._exit(0)  # an exception ends the child otherwise, with another status
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(ended))


if __name__ == "__main__":
    main()
