"""The demo pays through a simulated Alipay of its own, on the loopback interface."""

import socket
import sys
from pathlib import Path

from marketplace.alipay_simulator.gateway import APP_ID, SELLER_ID
from marketplace.alipay_simulator.server import kept_keys
from marketplace.cli.supervisor import Child


def pays_through(gateway: socket.socket, folder: Path, port: int) -> dict[str, str]:
    """The settings that lead the demo, which is served at `port`, to the gateway that will listen there."""
    keys = kept_keys(folder)
    return {
        "MARKETPLACE_ALIPAY_APP_ID": APP_ID,
        "MARKETPLACE_ALIPAY_SELLER_ID": SELLER_ID,
        "MARKETPLACE_ALIPAY_PRIVATE_KEY": keys.merchant_private,
        "MARKETPLACE_ALIPAY_PUBLIC_KEY": keys.own_public,
        "MARKETPLACE_ALIPAY_GATEWAY": f"http://127.0.0.1:{gateway.getsockname()[1]}/gateway.do",
        "MARKETPLACE_SITE": f"http://127.0.0.1:{port}",
    }


def gateway_child(gateway: socket.socket, folder: Path) -> Child:
    command = [sys.executable, "-m", "marketplace.alipay_simulator", str(folder)]
    return Child(
        "The simulated Alipay", [*command, str(gateway.fileno())], pass_fds=(gateway.fileno(),)
    )
