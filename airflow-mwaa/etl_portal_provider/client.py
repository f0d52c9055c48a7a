"""The portal's HTTP API as this provider uses it; knows nothing of Airflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from etl_portal_provider import __version__

#: The statuses after which nothing more happens to a run by itself.
FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

#: How long one request may take, in seconds.
TIMEOUT = 30.0


class PortalError(Exception):
    """What the portal, or the way to it, answered instead of what was asked for.

    ``passes`` says that the same request may succeed later; where it does not,
    something has to be changed first.
    """

    def __init__(self, message: str, *, code: str = "", fix: str = "", status: int = 0, passes: bool = False):
        super().__init__(f"{message.rstrip('.')}. {fix}" if fix else message)
        self.code, self.fix, self.status, self.passes = code, fix, status, passes


@dataclass(frozen=True)
class Address:
    """Where the portal is, and who asks. The token is in no text of it."""

    url: str
    token: str = field(default="", repr=False)
    verify: bool | str = True

    def options(self) -> dict:
        headers = {"User-Agent": f"etl-portal-provider/{__version__}", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return {
            "base_url": self.url.rstrip("/") + "/api/v1/",
            "headers": headers,
            "timeout": TIMEOUT,
            "verify": self.verify,
        }


def address(host: str, port: int | None, scheme: str, token: str, base_path: str = "", verify: bool | str = True) -> Address:
    """The portal that a connection names: its host may be a whole URL.

    Without a scheme it is https, except on this machine.
    """
    if not host:
        raise PortalError(
            "the connection names no host",
            code="no_host",
            fix="Set its host to the portal's URL, as https://portal.example.com, and its password to an API token.",
        )
    if "://" not in host:
        if scheme not in ("http", "https"):
            scheme = "http" if host in ("127.0.0.1", "localhost", "::1") else "https"
        host = f"{scheme}://{f'[{host}]' if ':' in host else host}"
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PortalError(
            "the connection's host is no http or https URL",
            code="bad_host",
            fix="Set it to the portal's URL, as https://portal.example.com.",
        )
    authority = parts.netloc.rpartition("@")[2]
    if port and parts.port is None:
        authority += f":{port}"
    path = (parts.path.rstrip("/") + "/" + base_path.strip("/")).rstrip("/")
    return Address(f"{parts.scheme}://{authority}{path}", token, verify)


def judged(response: httpx.Response) -> dict:
    """A response's JSON; an error response raises what it says."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success and isinstance(body, dict):
        return body
    said = body if isinstance(body, dict) else {}
    status = response.status_code
    message = said.get("detail") or said.get("title")
    fix = said.get("fix") or ""
    if not message:
        message = f"{response.request.url.host} answered {status} with something that is not the portal's"
        fix = "Check the URL in the connection."
    if status in (401, 403) and "connection" not in fix:
        fix = f"{fix.rstrip('.')}. ".lstrip(". ") + "The token is the password of Airflow's connection to the portal; it needs the role editor."
    return _raise(message, said.get("code", ""), fix, status)


def _raise(message: str, code: str, fix: str, status: int):
    raise PortalError(message, code=code, fix=fix, status=status, passes=status >= 500 or status in (408, 425, 429))


def unreachable(error: httpx.HTTPError, url: str) -> PortalError:
    """A request that got no answer."""
    return PortalError(
        f"the portal at {url} does not answer: {type(error).__name__}: {error}",
        code="unreachable",
        fix="Check that it runs and that Airflow's workers reach it.",
        passes=True,
    )


def run_failure(run: dict, url: str) -> str:
    """Why a run did not complete, with what to do about it, in one text."""
    number, status = run["id"], run["status"]
    where = f"{url}/runs/{number}"
    if status == "CANCELLED":
        return f"run {number} was cancelled ({where})"
    error = run.get("error") or {}
    text = error.get("message") or "the portal does not say why"
    if error.get("line"):
        text += f" (line {error['line']}" + (f", column {error['column']}" if error.get("column") else "") + ")"
    if error.get("fix"):
        text = f"{text.rstrip('.')}. {error['fix']}"
    return f"run {number} is {status}: {text} ({where})"
