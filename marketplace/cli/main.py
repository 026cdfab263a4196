"""The `marketplace` command: serve, work, migrate, make the first administrator.

Every fault that a person can mend ends as one sentence and a code: 2 for configuration and
arguments, 1 for everything else.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from cryptography.fernet import Fernet
from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError

from marketplace.cli.demo import prepare_demo
from marketplace.cli.demo_payments import gateway_child, pays_through
from marketplace.cli.opening import opened
from marketplace.cli.supervisor import Child, PortBusyError, listen, serve
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.reencryption import reencrypt_some, secret_columns
from marketplace.core.schema import is_current, upgrade
from marketplace.core.settings import BadConfiguration, Settings, from_environment
from marketplace.identity.accounts import (
    ACTIVATION_DAYS,
    NewGrant,
    create_user,
    grant_role,
    issue_activation,
)
from marketplace.identity.actor import SYSTEM
from marketplace.identity.models import User
from marketplace.jobs import worker
from marketplace.reporting.verify import report, verify
from marketplace.trace import check

PROVING = "verify-proof"


class CannotRun(Exception):
    """The command cannot do its work; the message says why and what to do."""


def _require_current(settings: Settings) -> None:
    if not is_current(settings.database_url):
        raise CannotRun("The database is not up to date: run `marketplace db upgrade` first.")


def _refuse_demo_accounts(settings: Settings) -> None:
    """Everybody knows their password."""
    if settings.mode != "production":
        return
    with opened(settings):
        demo = db.session.scalar(select(User.login_name).where(User.demo, User.active))
    if demo is not None:
        raise CannotRun(
            f"This database holds demo accounts ({demo}): production does not serve it."
        )


def _serve(settings: Settings, arguments: argparse.Namespace, beside: Sequence[Child] = ()) -> int:
    _require_current(settings)
    _refuse_demo_accounts(settings)
    return serve(
        arguments.port,
        processes=arguments.workers,
        on_ready=lambda: print(f"Serving at http://127.0.0.1:{arguments.port}", flush=True),
        beside=beside,
    )


def _demo(settings: Settings, arguments: argparse.Namespace) -> int:
    listen(arguments.port).close()  # a busy port is known before the minute of preparation
    prepare_demo(settings, reset=arguments.reset)
    with listen(0) as gateway:
        os.environ.update(pays_through(gateway, settings.folder, arguments.port))
        return _serve(settings, arguments, [gateway_child(gateway, settings.folder)])


def _work(settings: Settings, _arguments: argparse.Namespace) -> int:
    _require_current(settings)
    worker.run(settings)
    return 0


def _upgrade(settings: Settings, _arguments: argparse.Namespace) -> int:
    upgrade(settings.database_url)
    print("The database is up to date.")
    return 0


def _verify(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Ends with 1 and names the first wrong rows when a figure does not add up."""
    _require_current(settings)
    with opened(settings):
        faults = verify(db.session)
    for line in report(faults):
        print(line)
    return 1 if faults else 0


def _reencrypt(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Batch by batch, each committed: it may be stopped and started again, also while others work."""
    _require_current(settings)
    newest, count = Fernet(settings.data_keys[0]), 0
    with opened(settings):
        for column in secret_columns():
            after: int | None = 0
            while after is not None:
                with transaction() as session:
                    old, after = reencrypt_some(session, column, newest, after)
                count += old
    print(f"{count} values encrypted again; all are readable with the first data key alone.")
    return 0


def _create_admin(settings: Settings, arguments: argparse.Namespace) -> int:
    _require_current(settings)
    with opened(settings), transaction() as session:
        user = create_user(session, SYSTEM, login_name=arguments.login, display_name=arguments.name)
        grant_role(session, SYSTEM, user, NewGrant("administrator"))
        code = issue_activation(session, SYSTEM, user)
    print(f"Account {user.login_name}, activation code {code}")
    print(f"Open /activate within {ACTIVATION_DAYS} days and set a password. The code works once.")
    return 0


Run = Callable[[Settings, argparse.Namespace], int]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="marketplace", description="Xiangbang 乡帮")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        group: "argparse._SubParsersAction[argparse.ArgumentParser]",
        name: str,
        run: Run,
        words: str,
    ) -> argparse.ArgumentParser:
        made = group.add_parser(name, help=words, description=words)
        made.set_defaults(run=run)
        return made

    serving = command(commands, "serve", _serve, "serve the pages and run the worker")
    serving.add_argument("--port", type=_port, default=8000)
    serving.add_argument("--workers", type=_processes, default=2, help="web processes")
    showing = command(commands, "demo", _demo, "serve the demo county, made at the first start")
    showing.add_argument("--port", type=_port, default=8000)
    showing.add_argument("--workers", type=_processes, default=2, help="web processes")
    showing.add_argument("--reset", action="store_true", help="throw the demo's data away first")
    command(commands, "worker", _work, "do what is due: close rounds, send messages, import files")
    command(commands, "verify", _verify, "ask the database whether every figure adds up")
    commands.add_parser(PROVING, help="check a downloaded proof against a seal")
    of_database = commands.add_parser("db", help="the database").add_subparsers(
        required=True, metavar="COMMAND"
    )
    command(of_database, "upgrade", _upgrade, "create the tables or bring them up to date")
    command(of_database, "reencrypt", _reencrypt, "encrypt again what an older data key encrypted")
    of_admin = commands.add_parser("admin", help="administrators").add_subparsers(
        required=True, metavar="COMMAND"
    )
    making = command(of_admin, "create", _create_admin, "make an administrator's account")
    making.add_argument("--login", required=True, help="account name, letters and digits")
    making.add_argument("--name", required=True, help="the person's name, shown on pages")
    return parser


def _whole(text: str, low: int, high: int, what: str) -> int:
    if not text.isdecimal() or not low <= int(text[:9]) <= high:
        raise argparse.ArgumentTypeError(f"{what} is a number from {low} to {high}, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    return _whole(text, 1, 65535, "a port")


def _processes(text: str) -> int:
    return _whole(text, 1, 64, "the number of processes")


def main(argv: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == [PROVING]:  # two files say it all: no database, no setting
        return check.main(given[1:], f"marketplace {PROVING}")
    arguments = _parser().parse_args(given)
    run: Run = arguments.run
    try:
        return run(from_environment(), arguments)
    except BadConfiguration as error:
        return _say(str(error), 2)
    except (CannotRun, PortBusyError) as error:
        return _say(str(error), 1)
    except MarketplaceError as error:
        return _say(error.message, 1)
    except (OperationalError, ProgrammingError) as error:
        reason = str(error.orig).strip().partition("\n")[0]
        return _say(f"The database does not answer as it should: {reason}", 1)


def _say(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
