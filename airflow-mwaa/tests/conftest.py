"""A portal that answers what a test says, on a port of its own."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Portal:
    """Answers in order, the last one from then on; asked keeps the requests."""

    def __init__(self):
        self.answers: dict[str, list] = {}
        self.asked: list[tuple] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                at = f"{self.command} {self.path}"
                portal.asked.append((at, dict(self.headers), json.loads(body) if body else None))
                queue = portal.answers.get(at, [(404, {"detail": f"no {at}", "code": "not_found"})])
                status, said = queue.pop(0) if len(queue) > 1 else queue[0]
                text = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def says(self, at: str, *answers):
        self.answers["{} /api/v1/{}".format(*at.split(" "))] = list(answers)

    def paths(self) -> list[str]:
        return [at.replace("/api/v1/", "") for at, _, _ in self.asked]


@pytest.fixture
def portal(monkeypatch):
    portal = Portal()
    monkeypatch.setenv("AIRFLOW_CONN_ETL_PORTAL_API", json.dumps({"conn_type": "etl_portal", "host": portal.url, "password": "etlp_of-the-tests"}))
    yield portal
    portal.server.shutdown()
    portal.server.server_close()


def run(status: str, **more) -> dict:
    """A run of job 3 as the portal shows it."""
    return {"id": 7, "job_id": 3, "status": status, "rows_read": 2, "rows_loaded": 2, "rows_filtered": 0, "rows_rejected": 0, "rows_deduplicated": 0, **more}
