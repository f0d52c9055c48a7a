"""Waits for a run without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from asgiref.sync import sync_to_async

from etl_portal_provider.airflow import BaseTrigger, TriggerEvent
from etl_portal_provider.client import FINAL, Address, PortalError, judged, unreachable
from etl_portal_provider.hook import EtlPortalHook


class EtlPortalRunTrigger(BaseTrigger):
    """Fires once a run is over, or once the portal has not answered for long.

    The event has ``run``, or ``error`` and ``passes``. Looking at a run changes
    nothing, so that any number of triggerers may do it.
    """

    def __init__(self, conn_id: str, run_id: int, poll_seconds: float = 5.0, patience_seconds: float = 600.0):
        super().__init__()
        self.conn_id = conn_id
        self.run_id = run_id
        self.poll_seconds = poll_seconds
        self.patience_seconds = patience_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How a triggerer makes it anew."""
        return "etl_portal_provider.trigger.EtlPortalRunTrigger", {
            "conn_id": self.conn_id,
            "run_id": self.run_id,
            "poll_seconds": self.poll_seconds,
            "patience_seconds": self.patience_seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event."""
        try:
            # Connections are read from Airflow's database or API, which blocks.
            at = await sync_to_async(EtlPortalHook(self.conn_id).get_conn)()
            yield TriggerEvent({"run": await self._over(at)})
        except PortalError as error:
            yield TriggerEvent({"error": str(error), "passes": error.passes})

    async def _over(self, at: Address) -> dict:
        last_answer = time.monotonic()
        # A short run is not made to wait for a whole interval.
        pause = min(1.0, self.poll_seconds)
        async with httpx.AsyncClient(**at.options()) as client:
            while True:
                try:
                    run = await look(client, at, self.run_id)
                    last_answer = time.monotonic()
                    if run["status"] in FINAL:
                        return run
                except PortalError as error:
                    if not error.passes or time.monotonic() - last_answer > self.patience_seconds:
                        raise
                    self.log.warning("%s; asked again in %s s", error, pause)
                await asyncio.sleep(pause)
                pause = min(self.poll_seconds, pause * 1.5)


async def look(client: httpx.AsyncClient, at: Address, run_id: int) -> dict:
    """A run as it is."""
    try:
        return judged(await client.get(f"job-runs/{run_id}"))
    except httpx.HTTPError as error:
        raise unreachable(error, at.url) from error
