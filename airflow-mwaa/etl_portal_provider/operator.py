"""A task that is a run of the portal."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from etl_portal_provider.airflow import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BaseOperator,
    conf,
)
from etl_portal_provider.client import FINAL, PortalError, run_failure
from etl_portal_provider.hook import DEFAULT_CONNECTION, EtlPortalHook
from etl_portal_provider.trigger import EtlPortalRunTrigger

#: The most bytes of an Idempotency-Key.
MAX_KEY = 255


class EtlPortalRunOperator(BaseOperator):
    """Runs a job of the portal, and is over when the run is: done where it is
    COMPLETED, failed with the portal's reason and fix where it is not.

    With ``job_run_id`` it starts a run that the portal made and holds for
    Airflow; else it makes one of ``job_id``.

    It may be repeated: the run belongs to the DAG run, so that a second try
    finds the run of the first, waits for it where it is under way, and sets it
    going again where it failed; what was loaded stays loaded. A DAG run whose
    run is COMPLETED loads nothing more, however often its task is cleared:
    trigger the DAG anew for that.

    :param overlap: what to do while a run of the job is under way, whoever
        started it: ``allow`` (another beside it), ``skip`` (skip this task) or
        ``queue`` (wait for it first).
    :param late_seconds: skips a scheduled DAG run that comes later than that
        after its time; None: none is too late.
    :param latest: skips a scheduled DAG run after whose time ``cron`` (in the
        zone ``timezone_name``) has fired as many times again; None: no bound.
    :param deferrable: waits in a triggerer instead of a worker.
    :param patience_seconds: how long the portal may be out of reach while its
        run is waited for.
    """

    template_fields: Sequence[str] = ("job_id", "job_run_id", "file_id", "conn_id")
    ui_color = "#e0f2fe"

    def __init__(
        self,
        *,
        job_id: int | str,
        job_run_id: int | str | None = None,
        file_id: str | None = None,
        conn_id: str = DEFAULT_CONNECTION,
        overlap: str = "allow",
        late_seconds: float | None = None,
        latest: int | None = None,
        cron: str | None = None,
        timezone_name: str = "UTC",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_seconds: float = 5.0,
        patience_seconds: float = 600.0,
        run_timeout: timedelta | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        if overlap not in ("allow", "skip", "queue"):
            raise ValueError(f"overlap is {overlap!r}: write allow, skip or queue")
        self.job_id = job_id
        self.job_run_id = job_run_id
        self.file_id = file_id
        self.conn_id = conn_id
        self.overlap = overlap
        self.late_seconds = late_seconds
        self.latest = latest
        self.cron = cron
        self.timezone_name = timezone_name
        self.deferrable = deferrable
        self.poll_seconds = poll_seconds
        self.patience_seconds = patience_seconds
        self.run_timeout = run_timeout
        self._started: int | None = None

    def execute(self, context: Any) -> dict | None:
        """Starts the run and waits for it."""
        self._punctual(context)
        try:
            run = self._begin(context)
        except PortalError as error:
            raise self._fault(error) from error
        return self._wait(run, "completed")

    def completed(self, context: Any, event: dict) -> dict:
        """Goes on when the run is over."""
        return self._outcome(self._told(event))

    def begin_after(self, context: Any, event: dict) -> dict | None:
        """Goes on when the run that was in the way is over."""
        self._told(event)
        return self.execute(context)

    def on_kill(self) -> None:
        """Cancels the run that this task waits for; a deferred task's run goes on."""
        if self._started is not None:
            try:
                EtlPortalHook(self.conn_id).cancel(self._started)
            except PortalError as error:
                self.log.warning("run %s was not cancelled: %s", self._started, error)

    def _punctual(self, context: Any) -> None:
        due = context.get("logical_date")
        kind = getattr(context["dag_run"], "run_type", "")
        # What has begun goes on, and what a person asks for is never too late.
        if due is None or str(getattr(kind, "value", kind)) != "scheduled" or context["ti"].try_number > 1:
            return
        now = datetime.now(timezone.utc)
        late = (now - due).total_seconds()
        if self.late_seconds is not None and late > self.late_seconds:
            raise AirflowSkipException(f"{late:.0f} s after its time: the schedule's catch-up policy is none")
        if self.latest is not None and self.cron and fired_since(self.cron, self.timezone_name, due, now, self.latest) >= self.latest:
            raise AirflowSkipException(f"{self.latest} later times have come since: the schedule catches up on no more")

    def _begin(self, context: Any) -> dict:
        hook = EtlPortalHook(self.conn_id)
        if self.job_run_id is not None:
            run_id = number(self.job_run_id, "job_run_id")
            run = hook.start(run_id)
            if run["job_id"] != number(self.job_id, "job_id"):
                raise AirflowFailException(f"run {run_id} is of job {run['job_id']}, not of job {self.job_id}: correct the DAG run's conf")
        else:
            job_id = number(self.job_id, "job_id")
            self._make_way(hook, job_id, context)
            run = hook.run(hook.execute(job_id, key_of(context), self.file_id)["job_run_id"])
        if run["status"] == "FAILED" and context["ti"].try_number > 1:
            self.log.info("run %s failed before: it is set going again", run["id"])
            run = hook.retry(run["id"])
        self.log.info("run %s of job %s: %s/runs/%s", run["id"], run["job_id"], hook.get_conn().url, run["id"])
        return run

    def _make_way(self, hook: EtlPortalHook, job_id: int, context: Any) -> None:
        # A further try's own run would be in its way.
        if self.overlap == "allow" or context["ti"].try_number > 1:
            return
        other = hook.under_way(job_id)
        if other is None:
            return
        if self.overlap == "skip":
            raise AirflowSkipException(f"run {other} of job {job_id} is under way: the schedule's overlap policy is skip")
        self.log.info("run %s of job %s is under way: it is waited for", other, job_id)
        if self.deferrable:
            self._defer(other, "begin_after")
        self._watch(other)
        self._make_way(hook, job_id, context)

    def _wait(self, run: dict, then: str) -> dict | None:
        self._started = run["id"]
        if run["status"] in FINAL:
            return self._outcome(run)
        if self.deferrable:
            self._defer(run["id"], then)
        try:
            return self._outcome(self._watch(run["id"]))
        except PortalError as error:
            raise self._fault(error) from error

    def _defer(self, run_id: int, then: str) -> None:
        trigger = EtlPortalRunTrigger(self.conn_id, run_id, self.poll_seconds, self.patience_seconds)
        self.defer(trigger=trigger, method_name=then, timeout=self.run_timeout)

    def _watch(self, run_id: int) -> dict:
        hook = EtlPortalHook(self.conn_id)
        began = last_answer = time.monotonic()
        pause = min(1.0, self.poll_seconds)
        while True:
            try:
                run = hook.run(run_id)
                last_answer = time.monotonic()
                if run["status"] in FINAL:
                    return run
            except PortalError as error:
                if not error.passes or time.monotonic() - last_answer > self.patience_seconds:
                    raise
                self.log.warning("%s; asked again in %s s", error, pause)
            if self.run_timeout and time.monotonic() - began > self.run_timeout.total_seconds():
                raise AirflowException(f"run {run_id} is not over after {self.run_timeout}")
            time.sleep(pause)
            pause = min(self.poll_seconds, pause * 1.5)

    def _told(self, event: dict) -> dict:
        if "run" in event:
            return event["run"]
        if event.get("passes"):
            raise AirflowException(event["error"])
        raise AirflowFailException(event["error"])

    def _outcome(self, run: dict) -> dict:
        if run["status"] == "COMPLETED":
            self.log.info("run %s is COMPLETED: %s rows read, %s loaded, %s rejected", run["id"], run["rows_read"], run["rows_loaded"], run["rows_rejected"])
            return {name: run[name] for name in ("id", "job_id", "status", "rows_read", "rows_loaded", "rows_filtered", "rows_rejected", "rows_deduplicated")}
        text = run_failure(run, EtlPortalHook(self.conn_id).get_conn().url)
        self.log.error("%s", text)
        if run["status"] == "CANCELLED":
            raise AirflowFailException(text)
        raise AirflowException(text)

    def _fault(self, error: PortalError) -> Exception:
        self.log.error("%s", error)
        return (AirflowException if error.passes else AirflowFailException)(str(error))


def number(value: Any, name: str) -> int:
    """An id out of a template or of a DAG run's conf."""
    try:
        return int(str(value))
    except ValueError:
        raise AirflowFailException(f"{name} is {value!r}, which is no number: trigger the DAG with conf {{\"job_id\": 1, \"job_run_id\": 2}}") from None


def fired_since(cron: str, zone: str, due: datetime, now: datetime, most: int) -> int:
    """How often cron has fired after due until now; it counts to most."""
    times = croniter(cron, due.astimezone(ZoneInfo(zone)), ret_type=datetime)
    count = 0
    while count < most and times.get_next().astimezone(timezone.utc) <= now:
        count += 1
    return count


def key_of(context: Any) -> str:
    """Names a task of a DAG run, the same for all of its tries."""
    ti = context["ti"]
    key = f"airflow:{ti.dag_id}:{ti.run_id}:{ti.task_id}:{ti.map_index}"
    if len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return key
    return "airflow:" + hashlib.sha256(key.encode()).hexdigest()
