"""`make bench [ONLY=orders|shop|allocation]`: prints each figure beside its limit, measured in one run."""

import os
import sys

from bench import allocation, web
from tests.support.runs import new_run

PARTS = {"orders": web.orders, "shop": web.shop_page, "allocation": allocation.round_of_orders}


def main() -> None:
    chosen = (
        sys.argv[1:] or [os.environ["ONLY"]]
        if sys.argv[1:] or os.environ.get("ONLY")
        else list(PARTS)
    )
    run = new_run(os.getpid())
    try:
        for name in chosen:
            for line in PARTS[name](run):
                print(line, flush=True)
    finally:
        run.stop()


main()
