"""One process that appends: `python -m tests.trace.appenders URL FOLDER COUNT`, to the streams there are."""

import random
import sys
from pathlib import Path

from sqlalchemy import select

from marketplace.app import create_app
from marketplace.core.db import db, transaction
from marketplace.trace.models import TraceStream
from marketplace.trace.streams import Event, append
from tests.support.app import settings_for


def main():
    url, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(folder.name + str(count))
    app = create_app(settings_for(url, folder))
    with app.app_context():
        subjects = list(db.session.scalars(select(TraceStream.subject)))
        db.session.rollback()
        for number in range(count):
            chosen = chance.sample(subjects, chance.randint(1, len(subjects)))
            with transaction() as session:
                append(session, [Event(one, "moved", {"base": number}) for one in chosen])
    sys.stdout.write("done")


if __name__ == "__main__":
    main()
