"""Running numbers: each once, also when the first ones are asked for at the same moment."""

from concurrent.futures import ThreadPoolExecutor

from marketplace.core.codes import next_number


def test_numbers_asked_for_at_once_are_all_different_from_the_first_on(world):
    def ask(_):
        with world.transaction() as session:
            return next_number(session, "parcel")

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(12))) == list(range(1, 13))
