"""A mail server of a test's own: real sockets, real SMTP, and it does what the test tells it."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Mailbox:
    """What arrived. `rcpt_answer` and `data_answer` are the server's replies; `before_reply` is
    called when a message has arrived whole and nothing was answered yet."""

    port: int = 0
    messages: list[str] = field(default_factory=list)
    rcpt_answer: str = "250 ok"
    data_answer: str = "250 ok"
    before_reply: Callable[[socket.socket], object] | None = None


class Conversation(socketserver.StreamRequestHandler):
    """One client's connection."""

    def handle(self) -> None:
        self.say("220 test")
        for raw in self.rfile:
            word = raw.decode().strip().upper()[:4]
            if word == "DATA":
                self.take()
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say(self.mailbox.rcpt_answer if word == "RCPT" else "250 ok")

    def take(self) -> None:
        self.say("354 go on")
        lines = iter(self.rfile.readline, b".\r\n")
        self.mailbox.messages.append(b"".join(lines).decode())
        if self.mailbox.before_reply is not None:
            self.mailbox.before_reply(self.connection)
        self.say(self.mailbox.data_answer)

    def say(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(f"{line}\r\n".encode())

    @property
    def mailbox(self) -> Mailbox:
        return self.server.mailbox  # type: ignore[attr-defined]


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    mailbox: Mailbox


@contextlib.contextmanager
def mail_server() -> Iterator[Mailbox]:
    with Server(("127.0.0.1", 0), Conversation) as server:
        server.mailbox = Mailbox(port=server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.mailbox
        finally:
            server.shutdown()
            thread.join()
