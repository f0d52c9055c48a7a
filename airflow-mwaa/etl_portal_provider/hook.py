"""The way to a portal that an Airflow connection names."""

from __future__ import annotations

import httpx

from etl_portal_provider.airflow import BaseHook
from etl_portal_provider.client import Address, PortalError, address, judged, unreachable

#: The connection where none is named.
DEFAULT_CONNECTION = "etl_portal_api"


class EtlPortalHook(BaseHook):
    """Asks the portal that a connection names.

    The connection's host is the portal's URL and its password an API token of
    the role editor. In its extra, ``base_path`` stands before ``/api/v1`` and
    ``verify`` is false, or the path of the authority's certificate.

    Every method raises PortalError.
    """

    conn_name_attr = "conn_id"
    default_conn_name = DEFAULT_CONNECTION
    conn_type = "etl_portal"
    hook_name = "ETL Portal"

    def __init__(self, conn_id: str = DEFAULT_CONNECTION):
        super().__init__()
        self.conn_id = conn_id
        self._address: Address | None = None

    @staticmethod
    def get_ui_field_behaviour() -> dict:
        """How Airflow asks for the connection."""
        return {
            "hidden_fields": ["schema", "login"],
            "relabeling": {"host": "URL", "password": "API token"},
            "placeholders": {"host": "https://portal.example.com"},
        }

    def get_conn(self) -> Address:
        """The portal's address; read from Airflow once."""
        if self._address is None:
            connection = self.get_connection(self.conn_id)
            extra = connection.extra_dejson or {}
            scheme = connection.schema if connection.schema in ("http", "https") else connection.conn_type
            self._address = address(
                connection.host or "",
                connection.port,
                scheme or "",
                connection.password or "",
                extra.get("base_path", ""),
                extra.get("verify", True),
            )
        return self._address

    def execute(self, job_id: int, key: str, file_id: str | None = None) -> dict:
        """Makes a run of a job; the same key gives the same run. → job_run_id, status"""
        body = {"file_id": file_id} if file_id else {}
        return self._ask("POST", f"jobs/execute/{int(job_id)}", json=body, headers={"Idempotency-Key": key})

    def start(self, run_id: int) -> dict:
        """Starts a run that waits for Airflow, or gives it as it is."""
        return self._ask("POST", f"job-runs/{int(run_id)}/start")

    def run(self, run_id: int) -> dict:
        """A run as it is."""
        return self._ask("GET", f"job-runs/{int(run_id)}")

    def retry(self, run_id: int) -> dict:
        """Sets a failed run going again; what is loaded stays loaded."""
        return self._ask("POST", f"job-runs/{int(run_id)}/retry")

    def cancel(self, run_id: int) -> dict:
        """Ends a run that is not publishing yet."""
        return self._ask("POST", f"job-runs/{int(run_id)}/cancel")

    def under_way(self, job_id: int) -> int | None:
        """The id of a run of the job that is not over."""
        for status in ("RUNNING", "PENDING"):
            page = self._ask("GET", "job-runs", params={"job_id": int(job_id), "status": status, "limit": 1})
            for run in page["items"]:
                return run["id"]
        return None

    def test_connection(self) -> tuple[bool, str]:
        """Airflow's button: whether the portal takes the token."""
        try:
            me = self._ask("GET", "me")
        except PortalError as error:
            return False, str(error)
        return True, f"{self.get_conn().url} knows this token with the role {me.get('role', 'unknown')}"

    def _ask(self, method: str, path: str, **options) -> dict:
        at = self.get_conn()
        try:
            with httpx.Client(**at.options()) as client:
                return judged(client.request(method, path, **options))
        except httpx.HTTPError as error:
            raise unreachable(error, at.url) from error
