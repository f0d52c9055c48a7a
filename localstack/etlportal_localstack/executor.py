"""Runs a Lambda function version as a child process of LocalStack."""

import json
import logging
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from etlportal_localstack.runtime_api import Server, Slot

LOG = logging.getLogger(__name__)

INIT_SECONDS = 10  # as on AWS: a start that takes longer is begun anew with the first invocation
STOP_SECONDS = 2  # between SIGTERM and SIGKILL


class ProcessExecutor(RuntimeExecutor):
    """One execution environment: a process of the function's `bootstrap`.

    LocalStack makes as many of these as invocations run at once, up to the
    function's reserved concurrency. A process that crashed or ran into its
    timeout is begun anew by the next invocation, as on AWS.
    """

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self.slot = Slot()
        self.server = None
        self.process = None
        self.output = None
        self.env_vars = {}
        self.tmp = None

    # What LocalStack calls.

    def start(self, env_vars: dict[str, str]) -> None:
        self.env_vars = env_vars
        self.tmp = tempfile.mkdtemp(prefix="function-")
        self.server = Server(self.slot)
        self._begin()
        slot = self.slot
        with slot.changed:
            slot.changed.wait_for(
                lambda: slot.waiting or slot.init_error is not None or slot.exited or slot.stopped, INIT_SECONDS
            )
            if slot.stopped:
                raise RuntimeError("stopped while it started")
            if slot.init_error is None and not slot.exited:
                return
            payload = slot.init_error or error("Runtime.ExitError", "Runtime exited during its start: %s" % slot.exited)
        LOG.warning("%s did not start: %s\n%s", self._name(), payload.decode(errors="replace"), self.get_logs())
        raise StatusErrorException("the function did not start", payload=payload)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        id = payload["invoke-id"]
        timeout = self.function_version.config.timeout
        slot = self.slot
        if slot.exited:
            self._begin()
        begun = time.monotonic()
        self.output.take()  # lines between two invocations belong to none
        with slot.changed:
            slot.outcome = None
            slot.pending = (
                {
                    "Lambda-Runtime-Aws-Request-Id": id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
                    "Lambda-Runtime-Trace-Id": payload.get("trace-id", ""),
                },
                payload["payload"].encode(),
            )
            slot.changed.notify_all()
            # The environment is free again when the process asks for the next
            # invocation: what it logs after its response belongs to this one.
            slot.changed.wait_for(
                lambda: (slot.outcome and slot.waiting) or slot.exited or slot.stopped, timeout
            )
            outcome, exited, done = slot.outcome, slot.exited, slot.waiting
        if not exited and not done:
            self._kill()
            exited = "timed out"
            body = error("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds" % (id, timeout))
            outcome = outcome or (body, True)
        if outcome is None:
            outcome = (error("Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: %s" % (id, exited)), True)
        body, failed = outcome
        report = "START RequestId: %s Version: %s\n%s%sEND RequestId: %s\nREPORT RequestId: %s\tDuration: %.2f ms\tMemory Size: %s MB\n" % (
            id,
            self.function_version.id.qualifier,
            self.output.take(),
            "%s\n" % json.loads(body)["errorMessage"] if exited and failed else "",
            id,
            id,
            (time.monotonic() - begun) * 1000,
            self.function_version.config.memory_size,
        )
        return InvocationResult(request_id=id, payload=body, is_error=failed, logs=report)

    def stop(self) -> None:
        with self.slot.changed:
            self.slot.stopped = True
            self.slot.changed.notify_all()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._kill()
        if self.server:
            self.server.end()
            self.server = None
        if self.tmp:
            shutil.rmtree(self.tmp, ignore_errors=True)

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return "http://%s" % self.server.address if self.server else ""

    def get_logs(self) -> str:
        return self.output.tail() if self.output else ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """The unpacked code goes with the instance's TMPDIR."""

    # The process.

    def _name(self):
        return "%s:%s" % (self.function_version.id.function_name, self.id)

    def _begin(self):
        """Starts the process; its end is announced through the slot."""
        code = pathlib.Path(self.function_version.config.code.get_unzipped_code_location())
        bootstrap = code / "bootstrap"
        if not bootstrap.is_file():
            raise StatusErrorException(
                "no bootstrap",
                payload=error("Runtime.InvalidEntrypoint", "the archive of %s has no file bootstrap at its top" % self._name()),
            )
        env = {name: str(value) for name, value in self.env_vars.items()}
        env.update(
            {
                "AWS_LAMBDA_RUNTIME_API": self.server.address,
                "LAMBDA_TASK_ROOT": str(code),
                "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
                "LANG": "en_US.UTF-8",
                "TMPDIR": self.tmp,
            }
        )
        with self.slot.changed:
            self.slot.reset()
            # The process stays in LocalStack's process group and ends with it.
            process = subprocess.Popen(
                [str(bootstrap)],
                cwd=code,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
            )
            self.process = process
            self.output = Output(process.stdout)
        threading.Thread(target=self._watch, args=(process,), name="function-exit", daemon=True).start()

    def _watch(self, process):
        code = process.wait()
        with self.slot.changed:
            if self.process is process:
                self.slot.exited = "signal: %s" % signal.Signals(-code).name if code < 0 else "exit status %d" % code
                self.slot.changed.notify_all()

    def _kill(self):
        self.process.kill()
        self.process.wait()
        with self.slot.changed:
            self.slot.exited = "signal: SIGKILL"
            self.slot.changed.notify_all()


class Output:
    """What a process writes, until it is taken; the last of it is kept for a post-mortem."""

    KEEP = 64 << 10

    def __init__(self, pipe):
        self.pipe = pipe
        os.set_blocking(pipe.fileno(), False)
        self.lock = threading.Lock()
        self.data = bytearray()
        self.last = bytearray()
        self.ended = False
        threading.Thread(target=self._read, name="function-output", daemon=True).start()

    def _read(self):
        readable = select.poll()
        readable.register(self.pipe, select.POLLIN)
        while not self.ended:
            readable.poll()
            # Read under the lock only: no byte is between the pipe and what is taken.
            with self.lock:
                self._drain()
        self.pipe.close()

    def _drain(self):
        """Reads what is there without waiting for more."""
        while not self.ended:
            try:
                data = os.read(self.pipe.fileno(), self.KEEP)
            except BlockingIOError:
                return
            self.data += data
            self.last = (self.last + data)[-self.KEEP :]
            self.ended = not data

    def take(self):
        """All that was written so far, ending with a newline unless empty."""
        with self.lock:
            self._drain()
            text, self.data = self.data.decode(errors="replace"), bytearray()
        return text if not text or text.endswith("\n") else text + "\n"

    def tail(self):
        with self.lock:
            return self.last.decode(errors="replace")


def error(kind, message):
    """An error in the form of Lambda's own."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
