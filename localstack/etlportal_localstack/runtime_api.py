"""The Lambda Runtime API (2018-06-01) of one execution environment, on a loopback port."""

import http.server
import json
import re
import threading

PREFIX = "/2018-06-01/runtime/"
OUTCOME = re.compile(re.escape(PREFIX) + r"invocation/([^/]+)/(response|error)$")


class Slot:
    """What the process and its executor hand each other.

    One invocation at a time: `pending` waits for the process, `current` is with
    it, `outcome` is what came of it. `waiting` says that the process asks for
    work: it has started, or is done with the last invocation and its logs.
    Every change is announced through `changed`.
    """

    def __init__(self):
        self.changed = threading.Condition()
        self.reset()

    def reset(self):
        self.pending = None  # (headers, body)
        self.current = None  # id of the invocation
        self.outcome = None  # (body, is_error)
        self.init_error = None
        self.waiting = False
        self.exited = None  # how the process ended: "exit status 1", "signal: killed"
        self.stopped = False


class Server(http.server.ThreadingHTTPServer):
    """Serves one Slot; `address` is the value of AWS_LAMBDA_RUNTIME_API."""

    daemon_threads = True

    def __init__(self, slot):
        super().__init__(("127.0.0.1", 0), Handler)
        self.slot = slot
        self.address = "127.0.0.1:%d" % self.server_address[1]
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="runtime-api", daemon=True
        ).start()

    def end(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A killed process cuts its connections: nothing to report."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet

    def do_GET(self):
        if self.path != PREFIX + "invocation/next":
            return self.answer(404, {"errorMessage": "no such path", "errorType": "InvalidRequest"})
        slot = self.server.slot
        with slot.changed:
            slot.waiting = True
            slot.current = None
            slot.changed.notify_all()
            slot.changed.wait_for(lambda: slot.pending or slot.exited or slot.stopped)
            if not slot.pending or slot.exited or slot.stopped:
                self.close_connection = True
                return None
            headers, body = slot.pending
            slot.pending = None
            slot.waiting = False
            slot.current = headers["Lambda-Runtime-Aws-Request-Id"]
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_POST(self):
        body = self.body()
        slot = self.server.slot
        if self.path == PREFIX + "init/error":
            with slot.changed:
                slot.init_error = body
                slot.changed.notify_all()
            return self.answer(202, {"status": "OK"})
        match = OUTCOME.match(self.path)
        if not match:
            return self.answer(404, {"errorMessage": "no such path", "errorType": "InvalidRequest"})
        with slot.changed:
            known = slot.current == match[1] and slot.outcome is None
            if known:
                slot.outcome = (body, match[2] == "error")
                slot.changed.notify_all()
        if not known:
            return self.answer(
                400, {"errorMessage": "invocation %s is not running" % match[1], "errorType": "InvalidRequestID"}
            )
        return self.answer(202, {"status": "OK"})

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # the trailer: an error of a streamed response, not needed here
        return b"".join(chunks)

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format, *args):
        """The requests of the Runtime API are not worth a log line each."""
