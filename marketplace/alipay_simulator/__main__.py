"""python -m marketplace.alipay_simulator FOLDER FD: the demo's gateway, until it is asked to stop."""

import signal
import sys
from pathlib import Path
from threading import Event

from marketplace.alipay_simulator.books import Books
from marketplace.alipay_simulator.gateway import Gateway
from marketplace.alipay_simulator.server import kept_keys, serving

SPEED = 240.0
"""Four minutes between the first two times a notice is brought become a second."""


def main(folder: Path, fd: int) -> None:
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with serving(Gateway(kept_keys(folder), Books(folder / "alipay_simulator.db"), SPEED), fd):
        stop.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
