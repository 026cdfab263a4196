"""The outbox: in the use case's transaction, sent once, honest about what it does not know."""

import os
import pickle
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from marketplace.app import create_app
from marketplace.core.clock import now, use_clock
from marketplace.core.db import db, transaction
from marketplace.notices import sms
from marketplace.notices.delivery import LEASE, deliver_due
from marketplace.notices.letter import Outcome
from marketplace.notices.models import Notice
from marketplace.notices.outbox import Message, enqueue, enqueue_all
from tests.support.app import dispose, settings_for
from tests.support.smtp import mail_server


def _message(number=1, **changes):
    return Message(
        **(
            {
                "provider_key": f"order:{number}:cut",
                "kind": "order_cut",
                "subject": f"order:{number}",
                "title": "订单少了 2 份",
                "body": "周小满的订单少了 2 份。",
            }
            | changes
        )
    )


@pytest.fixture
def mail(database_url, tmp_path):
    """A mail server and an application that sends there."""
    with mail_server() as mailbox:
        settings = settings_for(database_url, tmp_path, smtp_url=f"smtp://127.0.0.1:{mailbox.port}")
        app = create_app(settings)
        with app.app_context():
            yield mailbox
        dispose(app)


def _mail(number=1):
    return _message(number, channel="email", address="buyer@example.invalid")


def _put(*messages):
    with transaction() as session:
        enqueue_all(session, messages)


def _only():
    db.session.rollback()
    return db.session.scalars(select(Notice)).one()


def _fail_after_telling():
    with transaction() as session:
        enqueue(session, _message())
        raise RuntimeError


def test_a_use_case_that_fails_tells_nobody(app):
    with app.app_context():
        with pytest.raises(RuntimeError):
            _fail_after_telling()
        assert db.session.scalar(select(func.count(Notice.id))) == 0


def test_the_same_effect_is_queued_once(app):
    with app.app_context():
        _put(_message(), _message())
        _put(_message(body="other words"))
        assert _only().body == "周小满的订单少了 2 份。"


def test_what_is_told_lies_encrypted(app):
    with app.app_context():
        _put(_mail())
        row = db.session.execute(text("SELECT title, body, address FROM notice")).one()
        assert not any("周" in value or "buyer" in value for value in row)


def test_the_log_says_that_and_not_what(app, capfd):
    with app.app_context():
        _put(_message())
        assert deliver_due() == 1
        assert deliver_due() == 0
        assert _only().state == "sent"
    logged = "".join(capfd.readouterr())
    assert "order:1:cut" in logged
    assert "周小满" not in logged


def test_a_mail_arrives_with_its_key_as_message_id(mail):
    _put(_mail())
    deliver_due()
    assert _only().state == "sent"
    (arrived,) = mail.messages
    assert "Message-ID: <order.1.cut@localhost>" in arrived


def test_a_refused_address_has_failed_and_is_left_alone(mail):
    mail.rcpt_answer = "550 no such user"
    _put(_mail())
    deliver_due()
    assert (_only().state, _only().error) == ("failed", "邮件服务器退回 (550)")
    with use_clock(lambda: datetime(2030, 1, 1, tzinfo=UTC)):
        assert deliver_due() == 0


def test_a_busy_server_is_asked_again_later_and_later_and_then_no_more(mail):
    mail.data_answer = "451 come back"
    _put(_mail())
    moment = now()
    for pause in (1, 5, 15, 60, 240):
        with use_clock(lambda at=moment: at):
            assert deliver_due() == 1
            assert deliver_due() == 0
            notice = _only()
            assert notice.state == "queued"
            assert notice.next_at - now() == timedelta(minutes=pause)
            moment = notice.next_at
    with use_clock(lambda: moment):
        deliver_due()
    assert (_only().state, _only().attempts) == ("failed", 6)


def test_an_unreachable_server_is_tried_again(database_url, tmp_path):
    app = create_app(settings_for(database_url, tmp_path, smtp_url="smtp://127.0.0.1:1"))
    with app.app_context():
        _put(_mail())
        deliver_due()
        assert (_only().state, _only().error) == (
            "queued",
            "连不上邮件服务器 (ConnectionRefusedError)",
        )
    dispose(app)


def test_a_break_after_the_message_was_handed_over_is_unknown_and_not_repeated(mail):
    mail.before_reply = lambda connection: connection.shutdown(2)
    _put(_mail())
    deliver_due()
    assert _only().state == "unknown"
    mail.before_reply = None
    with use_clock(lambda: now_plus(days=1)):
        assert deliver_due() == 0
    assert len(mail.messages) == 1


def now_plus(**delta):
    return datetime.now(UTC) + timedelta(**delta)


@pytest.mark.parametrize(
    ("channel", "words"), [("sms", "没有配置短信服务"), ("email", "没有配置邮件服务")]
)
def test_a_channel_that_is_not_set_up_says_so(app, channel, words):
    with app.app_context():
        _put(_message(channel=channel, address="000-0000 0001"))
        deliver_due()
        assert (_only().state, _only().error) == ("failed", words)


def test_a_provider_of_the_county_gets_the_key_with_the_text(database_url, tmp_path, monkeypatch):
    sent = []

    class Provider:
        repeatable = True

        def send(self, letter):
            sent.append((letter.address, letter.body, letter.provider_key))
            return Outcome("sent")

    monkeypatch.setitem(sms.PROVIDERS, "county", lambda settings: Provider())
    app = create_app(settings_for(database_url, tmp_path, sms_provider="county"))
    with app.app_context():
        _put(_message(channel="sms", address="000-0000 0001"))
        deliver_due()
        assert _only().state == "sent"
    assert sent == [("000-0000 0001", "周小满的订单少了 2 份。", "order:1:cut")]
    dispose(app)


def test_several_workers_at_once_send_each_message_once(mail, database_url, tmp_path):
    _put(*(_mail(number) for number in range(12)))
    settings = settings_for(database_url, tmp_path, smtp_url=f"smtp://127.0.0.1:{mail.port}")

    def work(app):
        with app.app_context():
            deliver_due()
        dispose(app)

    # Made one after the other: routes are compiled, and Python 3.11 may fail to do so in threads.
    apps = [create_app(settings) for _ in range(4)]
    threads = [threading.Thread(target=work, args=[app]) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    assert set(db.session.scalars(select(Notice.state))) == {"sent"}
    keys = [line for m in mail.messages for line in m.splitlines() if line.startswith("Message-ID")]
    assert len(keys) == len(set(keys)) == 12


WORKER = """
import pickle, sys
from marketplace.app import create_app
from marketplace.notices.delivery import deliver_due
with create_app(pickle.loads(bytes.fromhex(sys.argv[1]))).app_context():
    deliver_due()
"""


def test_a_worker_killed_while_sending_doubles_nothing_and_loses_nothing(
    mail, database_url, tmp_path
):
    """R20: what was committed and not yet sent goes out once; what was being sent is unknown."""
    settings = settings_for(database_url, tmp_path, smtp_url=f"smtp://127.0.0.1:{mail.port}")
    _put(_mail(1), _mail(2))
    arrived, killed = threading.Event(), threading.Event()

    def hold(_connection):
        arrived.set()
        killed.wait(60)

    mail.before_reply = hold
    command = [sys.executable, "-c", WORKER, pickle.dumps(settings).hex()]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, env=environment) as worker:
        assert arrived.wait(60)
        worker.kill()
        worker.wait()
    mail.before_reply = None
    killed.set()
    deliver_due()
    assert _states() == {"order:1:cut": "queued", "order:2:cut": "sent"}  # the claim still holds
    with use_clock(lambda: now_plus(seconds=LEASE.total_seconds() + 1)):
        deliver_due()
    assert _states() == {"order:1:cut": "unknown", "order:2:cut": "sent"}
    assert len(mail.messages) == 2


def _states():
    db.session.rollback()
    return dict(db.session.execute(select(Notice.provider_key, Notice.state)).all())


def test_a_repeatable_channel_is_sent_again_after_a_crash(app):
    with app.app_context():
        _put(_message())
        with transaction() as session:
            notice = session.scalars(select(Notice)).one()
            notice.attempts, notice.lease_until = 1, now()
        deliver_due()
        assert _only().state == "sent"
