"""The gateway's doors: what Alipay answers at /gateway.do, a page to pay on, the bill, faults on demand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from flask import Flask, Response, abort, redirect, render_template_string, request
from werkzeug import Response as BaseResponse
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from marketplace.alipay_simulator.bill import zipped_bill
from marketplace.alipay_simulator.books import WAITING, Trade
from marketplace.alipay_simulator.gateway import SELLER_ID, Declined, Gateway, Silence
from marketplace.alipay_simulator.signing import Keys
from marketplace.alipay_simulator.wording import yuan_of

PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>付款（模拟）</title><link rel="icon" href="data:,">
<style>body{margin:0;background:#f3f5f7;color:#1d2821;font:17px/1.6 "Noto Sans CJK SC",sans-serif}
main{max-width:420px;margin:0 auto;padding:24px 16px}section{background:#fff;border-radius:16px;padding:24px;text-align:center}
h1{font-size:18px;margin:0 0 16px;font-weight:500}b{display:block;font-size:40px;line-height:1.3}p{margin:8px 0;color:#59645d;overflow-wrap:anywhere}
button,a{display:block;box-sizing:border-box;width:100%;min-height:52px;margin-top:16px;border:0;border-radius:12px;font:inherit;font-weight:600;line-height:52px;text-decoration:none}
button{background:#1e6fb8;color:#fff}a{background:#eef1f4;color:#1d2821}.note{font-size:15px}</style>
<main><section><h1>付款（模拟的支付宝，不会扣钱）</h1>
{% if trade.status == waiting and not late %}<p>{{ trade.subject }}</p><b>¥{{ yuan }}</b>
<form method="post" action="/pay/{{ trade.trade_no }}"><button>确认付款</button></form>
{% if trade.return_url %}<a href="{{ trade.return_url }}">先不付，返回</a>{% endif %}
{% else %}<p>{{ '这笔钱已经付过了。' if trade.paid_at else '这笔交易已经关闭，不能再付。' }}</p>
{% if trade.return_url %}<a href="{{ trade.return_url }}">返回商家</a>{% endif %}{% endif %}
<p class="note">交易号 {{ trade.out_trade_no }}</p></section></main></html>"""


def make_gateway_app(gateway: Gateway) -> Flask:
    app = Flask("alipay_simulator")

    @app.get("/gateway.do")
    def come_to_pay() -> Response | str:
        try:
            return _page(gateway, gateway.open(request.args))
        except (Declined, KeyError, ValueError) as no:
            return Response(f"请求有误：{no}", 400)

    @app.post("/gateway.do")
    def api() -> Response:
        try:
            status, body = gateway.answer(request.values)
        except Silence:
            abort(_nothing())
        return Response(body, status, content_type="text/html;charset=utf-8")

    @app.get("/qr/<number>")
    def scan(number: str) -> str:
        return _page(gateway, gateway.books.trade(number) or abort(404))

    @app.post("/pay/<number>")
    def pay(number: str) -> BaseResponse | str:
        trade = gateway.books.trade(number) or abort(404)
        if not gateway.pay(trade):
            return _page(gateway, trade)
        return redirect(gateway.return_address(trade), 303) if trade.return_url else "付好了。"

    @app.get("/bill/<day>.zip")
    def bill(day: str) -> Response:
        return Response(zipped_bill(gateway.books, SELLER_ID, day), content_type="application/zip")

    @app.post("/faults")
    def fail() -> Response:
        asked = json.loads(request.get_data())
        gateway.fail(asked["on"], asked["fault"], int(asked.get("times", 1)))
        return Response(status=204)

    return app


def _page(gateway: Gateway, trade: Trade) -> str:
    now = gateway.books.trade(trade.out_trade_no) or trade
    late = now.expires_at <= gateway.clock()
    return render_template_string(
        PAGE, trade=now, waiting=WAITING, late=late, yuan=yuan_of(now.fen)
    )


def _nothing() -> Response:
    """An answer that breaks off: the client reads a body shorter than announced."""
    response = Response(b"", 200)
    response.headers["Content-Length"] = "1"
    return response


def kept_keys(folder: Path) -> Keys:
    """The keys of a demo, made at its first start."""
    path = folder / "alipay_simulator.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = Keys.make()
        path.touch(mode=0o600)
        path.write_text(json.dumps(vars(made)), encoding="utf8")
    return Keys(**json.loads(path.read_text(encoding="utf8")))


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_args: object, **_kwargs: object) -> None:
        """The addresses are long and signed; nobody reads them."""


def make_gateway_server(gateway: Gateway, fd: int | None = None) -> BaseWSGIServer:
    """On the loopback interface, on a port that is free or a socket that listens already."""
    app = make_gateway_app(gateway)
    return make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, fd=fd)


@contextmanager
def serving(gateway: Gateway, fd: int | None = None) -> Iterator[int]:
    """The gateway on the loopback interface, and somebody who brings its notices; yields the port."""
    server = make_gateway_server(gateway, fd)
    port = int(server.socket.getsockname()[1])
    gateway.site = f"http://127.0.0.1:{port}"
    stop = Event()

    def bring() -> None:
        while not stop.wait(0.5):
            gateway.deliver_due()

    threads = [Thread(target=server.serve_forever, daemon=True), Thread(target=bring, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield port
    finally:
        stop.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
