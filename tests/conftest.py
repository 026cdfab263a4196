"""What every test can count on."""

import gc
import os

from hypothesis import settings

pytest_plugins = [
    "tests.support.databases",
    "tests.support.many_databases",
    "tests.support.app",
    "tests.support.alipay",
    "tests.support.statements",
    "tests.support.browser",
]

# Deadlines measure the machine, not the code. On CI the examples are the same every time, so that
# a red run speaks of the change under test; elsewhere they are new at each run and find new faults.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_collection_finish() -> None:
    """What is imported by now stays: looking through it for garbage again and again costs a twentieth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
