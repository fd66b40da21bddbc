"""A webhook reaches a real server on loopback, signed, again after trouble, and not for ever."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fakelake.infra.webhook import SENT_AT, SIGNATURE, WebhookFailed, send, signature

VERDICTS = [{"video_id": "v1", "band": "suspicious", "p_fake": 0.7}]


@pytest.fixture
def receiver():
    """Answers with the codes in `answers`, the last one for ever; keeps what came."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.came.append((dict(self.headers), body))
            answers = self.server.answers
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.came = [200], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield server
    server.shutdown()
    server.server_close()


def test_verdicts_arrive_with_a_signature_that_the_secret_proves(receiver):
    send(receiver.url, "secret", VERDICTS)
    ((headers, body),) = receiver.came
    assert json.loads(body) == {"verdicts": VERDICTS}
    assert headers[SIGNATURE] == signature("secret", headers[SENT_AT], body)
    assert headers[SIGNATURE] != signature("other", headers[SENT_AT], body)
    assert headers[SIGNATURE] != signature("secret", headers[SENT_AT], body + b" ")


def test_a_server_in_trouble_is_tried_again_ever_later(receiver):
    receiver.answers = [503, 429, 200]
    waits = []
    send(receiver.url, "secret", VERDICTS, sleep=waits.append)
    assert len(receiver.came) == 3 and waits == [1.0, 2.0]


def test_a_refusal_is_not_argued_with(receiver):
    receiver.answers = [403]
    with pytest.raises(WebhookFailed, match="403"):
        send(receiver.url, "secret", VERDICTS, sleep=lambda s: pytest.fail("it waited"))
    assert len(receiver.came) == 1


def test_a_server_that_never_answers_well_is_given_up_in_words():
    with pytest.raises(WebhookFailed, match="did not take 1 verdicts"):
        send("http://127.0.0.1:9/hook", "secret", VERDICTS, sleep=lambda s: None)
