"""A link that leads nowhere is told from one that does, and from one that only a person can judge."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.docs.outside import trouble


@pytest.fixture
def server():
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path[1:]))
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_links_are_judged_by_what_the_server_says(server):
    assert trouble(f"{server}/200") is None
    assert trouble(f"{server}/404") == "404 Not Found"
    assert trouble(f"{server}/403") == "look yourself: it refuses programs"


def test_a_server_that_is_not_there_is_said():
    assert "refused" in trouble("http://127.0.0.1:9/")
