"""Clients of a measurement: bounded in number, on loopback, each with one kept connection."""

import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

CLIENTS = 6
Request = Callable[[http.client.HTTPConnection, int, int], int]
"""(connection, client, turn) → status"""


def per_second(port: int, request: Request, requests: int, clients: int = CLIENTS) -> float:
    """Answers a second over `requests` requests in all; raises when one is not 2xx or 3xx."""

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for turn in range(requests // clients):
            status = request(connection, number, turn)
            if not 200 <= status < 400:
                raise RuntimeError(f"client {number}, turn {turn}: status {status}")
        connection.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda n: _warm(port, request, n), range(clients)))
        start = time.perf_counter()
        list(pool.map(client, range(clients)))
        return requests // clients * clients / (time.perf_counter() - start)


def _warm(port: int, request: Request, number: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for turn in range(4):
        request(connection, number, -1 - turn)
    connection.close()
