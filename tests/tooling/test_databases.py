"""The databases that tests get: migrated, their own, on both products."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from tests.support.databases import Migrate, Postgres
from tests.support.postgres import installation, start_server, wheel_installation
from tests.support.runs import new_run

ROOT = Path(__file__).resolve().parents[2]


def _one_table(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE crate (id INTEGER PRIMARY KEY)"))
    engine.dispose()


@pytest.fixture
def migrate() -> Migrate:
    return _one_table


@pytest.mark.parametrize("_round", [1, 2])
def test_a_test_gets_a_migrated_database_that_no_other_test_wrote_to(
    database_url: str, _round: int
) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM crate")).scalar() == 0
        connection.execute(text("INSERT INTO crate VALUES (1)"))
    engine.dispose()


def test_a_test_of_migrations_gets_a_database_without_tables(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_database_goes_away_even_while_somebody_is_connected(postgres: Postgres) -> None:
    name = postgres.run.new_name()
    engine = create_engine(postgres.create(name))
    connection = engine.connect()
    postgres.drop(name)
    assert name not in postgres.names()
    connection.invalidate()
    connection.close()
    engine.dispose()


def test_both_products_are_really_asked(database_url: str, request: pytest.FixtureRequest) -> None:
    assert make_url(database_url).get_backend_name() in request.node.name


_INNER = """
import os
from pathlib import Path

def test_says_where_the_server_is(postgres):
    Path(os.environ["TOLD"]).write_text(str(postgres.run.folder))
    assert os.environ["OUTCOME"] == "pass"
"""


def _inner_run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_inner.py").write_text(_INNER)
    plugins = ["-p", "tests.support.databases", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TOLD": str(folder / "told"), **environment},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("workers", "outcome", "code"), [("0", "pass", 0), ("2", "fail", 1)])
def test_the_server_is_gone_after_the_run_even_when_tests_failed(
    tmp_path: Path, workers: str, outcome: str, code: int
) -> None:
    ended = _inner_run(tmp_path, "-n", workers, OUTCOME=outcome)
    assert ended.returncode == code, ended.stdout
    assert not Path((tmp_path / "told").read_text()).exists()


def test_a_run_whose_server_does_not_answer_fails_and_skips_nothing(tmp_path: Path) -> None:
    nowhere = f"postgresql+psycopg://postgres@/postgres?host={tmp_path}"
    ended = _inner_run(tmp_path, TEST_POSTGRES_URL=nowhere)
    assert ended.returncode == 1
    assert "1 error" in ended.stdout
    assert str(tmp_path / ".s.PGSQL") in ended.stdout


def test_a_server_of_somebody_else_is_left_as_it_was(tmp_path: Path, postgres: Postgres) -> None:
    def databases() -> set[str]:
        return {name for name in postgres.names() if not name.startswith(postgres.run.name)}

    before = databases()
    (tmp_path / "test_more.py").write_text("def test_asks(postgres_url):\n    pass\n")
    ended = _inner_run(tmp_path, TEST_POSTGRES_URL=postgres.url("postgres"), OUTCOME="pass")
    assert ended.returncode == 0, ended.stdout
    assert databases() == before


def _connects(url: str) -> bool:
    engine = create_engine(url)
    with engine.connect() as connection:
        answer = connection.execute(text("SELECT 1")).scalar()
    engine.dispose()
    return answer == 1


def test_the_server_is_gone_when_the_leader_of_the_run_is_killed() -> None:
    leader = subprocess.Popen(["sleep", "600"])
    run = new_run(leader.pid)
    start_server(run, installation())
    assert _connects((run.folder / "postgres.url").read_text())
    leader.kill()
    leader.wait()
    assert run.children[0].wait(30) == 0
    assert not run.folder.exists()


def test_the_server_from_the_wheel_runs_even_from_a_folder_only_we_may_enter(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o700)
    programs = wheel_installation()[0]
    package = programs.parents[1]
    for source in [programs.parent, *package.parent.glob(f"{package.name}.libs")]:
        shutil.copytree(source, tmp_path / source.relative_to(package.parent), symlinks=True)
    run = new_run(os.getpid())
    try:
        start_server(run, tmp_path / programs.relative_to(package.parent))
        assert _connects((run.folder / "postgres.url").read_text())
    finally:
        run.stop()
