"""E-mail by SMTP, step by step, so that it is known how far a broken conversation got."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from marketplace.notices.letter import FAILED, RETRY, SENT, UNKNOWN, Letter, Outcome

TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class EmailSender:
    """`url`: smtp://[user:password@]host[:port], smtps:// for TLS from the first byte.

    A mail server does not tell doubles by our key, so a mail that may have gone is not repeated.
    """

    url: str
    mail_from: str
    repeatable: bool = False

    def send(self, letter: Letter) -> Outcome:
        if not letter.address:
            return Outcome(FAILED, "没有写邮箱地址")
        text = self._message(letter).as_bytes()
        try:
            server = self._connect()
        except smtplib.SMTPAuthenticationError:
            return Outcome(FAILED, "邮件服务器不认这个账号")
        except (OSError, smtplib.SMTPException) as error:
            return Outcome(RETRY, f"连不上邮件服务器 ({type(error).__name__})")
        try:
            return self._converse(server, letter.address, text)
        finally:
            server.close()

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.mail_from
        message["To"] = letter.address
        message["Subject"] = " ".join(letter.title.split())
        message["Date"] = formatdate()
        domain = self.mail_from.rpartition("@")[2] or "localhost"
        message["Message-ID"] = f"<{letter.provider_key.replace(':', '.')}@{domain}>"
        message.set_content(letter.body)
        return message

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host = parts.hostname or "localhost"
        server: smtplib.SMTP
        if parts.scheme == "smtps":
            server = smtplib.SMTP_SSL(
                host, parts.port or 465, timeout=TIMEOUT_SECONDS, context=_context()
            )
        else:
            server = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if parts.scheme != "smtps" and server.has_extn("starttls"):
                server.starttls(context=_context())
                server.ehlo()
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _converse(self, server: smtplib.SMTP, address: str, text: bytes) -> Outcome:
        """Before the message is handed over a break means not sent; afterwards nobody knows."""
        try:
            for step in (server.mail(self.mail_from), server.rcpt(address)):
                if step[0] >= 400:
                    return _refused(step[0])
        except (OSError, smtplib.SMTPException) as error:
            return Outcome(RETRY, f"邮件服务器断开了 ({type(error).__name__})")
        try:
            code, _answer = server.data(text)
        except smtplib.SMTPDataError as error:
            return _refused(error.smtp_code)
        except (OSError, smtplib.SMTPException) as error:
            return Outcome(UNKNOWN, f"发送中断，不确定是否送达 ({type(error).__name__})")
        return Outcome(SENT) if code < 400 else _refused(code)


def _refused(code: int) -> Outcome:
    """4xx: come back later; 5xx: never."""
    return Outcome(RETRY if code < 500 else FAILED, f"邮件服务器退回 ({code})")


def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
