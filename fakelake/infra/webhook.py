"""A signed message about new verdicts to a system that waits for them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException

TRIES = 5
TIMEOUT_S = 10
SIGNATURE, SENT_AT = "X-Fakelake-Signature", "X-Fakelake-Sent-At"


class WebhookFailed(Exception):
    """The receiver took none of the tries; the text says what it answered."""


def send(url: str, secret: str, verdicts: Sequence[dict], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """POST `{"verdicts": [...]}` as JSON; tried again, ever later, after a refusal of the server or the network.

    The signature is `sha256=` and the hex HMAC-SHA256, under `secret`, of the time in X-Fakelake-Sent-At, a full stop
    and the body: a receiver that checks both and the age cannot be fed old or foreign messages. A message may come
    twice; `video_id`, `model_version` and `calibration_id` tell it. Raises WebhookFailed.
    """
    body = json.dumps({"verdicts": list(verdicts)}, default=str).encode()
    said = ""
    for attempt in range(TRIES):
        if attempt:
            sleep(2.0 ** (attempt - 1))
        sent_at = str(int(time.time()))
        headers = {
            "Content-Type": "application/json", SENT_AT: sent_at, SIGNATURE: signature(secret, sent_at, body)
        }  # fmt: skip
        try:
            urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=TIMEOUT_S).close()
            return
        except urllib.error.HTTPError as error:
            said = f"{error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 429):
                break  # it will say the same again
        except (OSError, HTTPException) as error:
            said = str(error) or type(error).__name__
    raise WebhookFailed(
        f"The webhook {url} did not take {len(verdicts)} verdicts: {said}. The next scoring sends them again."
    )


def signature(secret: str, sent_at: str, body: bytes) -> str:
    """What the receiver has to compute and compare, in constant time."""
    return "sha256=" + hmac.new(secret.encode(), f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()
