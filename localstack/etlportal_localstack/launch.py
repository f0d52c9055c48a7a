"""etlportal-localstack: LocalStack in the foreground, settings included.

Everything it writes goes below --dir; several may run at once, each with a
directory and a port of its own.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading


def main():
    parser = argparse.ArgumentParser(prog="etlportal-localstack", description=__doc__)
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1 (4566)")
    parser.add_argument("--dir", required=True, help="directory for data and unpacked functions")
    parser.add_argument(
        "--tied", action="store_true", help="end when standard input ends, so that no crash of the parent leaves it behind"
    )
    parser.add_argument("--remove", action="store_true", help="remove --dir at the end, unless it failed")
    given = parser.parse_args()
    root = pathlib.Path(given.dir).resolve()
    (root / "tmp").mkdir(parents=True, exist_ok=True)
    at = "127.0.0.1:%d" % given.port
    settings = {
        "GATEWAY_LISTEN": at,
        "LOCALSTACK_HOST": at,  # the host in the URLs that it gives out
        "SQS_ENDPOINT_STRATEGY": "path",
        "LOCALSTACK_VOLUME_DIR": str(root / "volume"),
        "FILESYSTEM_ROOT": str(root / "root"),
        "TMPDIR": str(root / "tmp"),
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "DISABLE_EVENTS": "1",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.01",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "1",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    server = subprocess.Popen(
        [sys.executable, "-m", "localstack.runtime.main"], stdin=subprocess.DEVNULL, start_new_session=True
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.send_signal(signal.SIGTERM))
    if given.tied:
        threading.Thread(target=end_with_stdin, name="tied", daemon=True).start()
    code = server.wait()
    try:
        # Functions whose LocalStack was killed would else linger until their next call.
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    clean = code in (0, -signal.SIGTERM)
    if given.remove and clean:
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(0 if clean else 1)


def end_with_stdin():
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
