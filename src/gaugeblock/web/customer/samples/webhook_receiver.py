"""Receives webhooks and verifies them, with Python 3.9 or newer and nothing to install.

    python3 webhook_receiver.py PORT WHSEC [WHSEC]

It listens on this machine only: put the server that holds your certificate in front of it. While a secret is being
exchanged name both. A message may come twice; what has been seen is told by its webhook-id.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRETS = [base64.b64decode(text.removeprefix("whsec_")) for text in sys.argv[2:]]
TOLERANCE_S = 300
BODY_BYTES_MOST = 65536
seen: dict[str, bool] = {}


def genuine(headers: Message, body: bytes) -> bool:
    message, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return False
    signed = f"{message}.{timestamp}.".encode() + body
    macs = [hmac.new(secret, signed, hashlib.sha256).digest() for secret in SECRETS]
    expected = ["v1," + base64.b64encode(mac).decode() for mac in macs]
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), BODY_BYTES_MOST))
        if not genuine(self.headers, body):
            self.answer(401)
            return
        message = self.headers["webhook-id"]
        if message not in seen:
            seen[message] = True
            while len(seen) > 10_000:
                seen.pop(next(iter(seen)))
            event = json.loads(body)
            print(event["type"], json.dumps(event["data"]), flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says only what arrived."""


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
