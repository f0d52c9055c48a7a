"""The provider against a portal that says what a test wants."""

import asyncio
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from conftest import run
from etl_portal_provider.airflow import AirflowException, AirflowFailException, AirflowSkipException
from etl_portal_provider.client import PortalError, address
from etl_portal_provider.hook import EtlPortalHook
from etl_portal_provider.operator import EtlPortalRunOperator, fired_since, key_of
from etl_portal_provider.trigger import EtlPortalRunTrigger


def context(tries=1, run_id="manual__1", kind="manual", due=None):
    ti = SimpleNamespace(dag_id="d", run_id=run_id, task_id="run", map_index=-1, try_number=tries)
    return {"ti": ti, "dag_run": SimpleNamespace(run_type=kind), "logical_date": due}


def operator(**options):
    return EtlPortalRunOperator(**{"task_id": "run", "job_id": 3, "deferrable": False, "poll_seconds": 0.01, **options})


def ready(portal, *states):
    portal.says("POST jobs/execute/3", (202, {"job_run_id": 7, "status": "PENDING"}))
    portal.says("GET job-runs/7", *[(200, s) for s in states])


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (("portal.example.com", None, ""), "https://portal.example.com"),
        (("127.0.0.1", 8080, "etl_portal"), "http://127.0.0.1:8080"),
        (("portal", 80, "http"), "http://portal:80"),
        (("https://portal.example.com/", None, "http"), "https://portal.example.com"),
        (("http://u:p@portal:1", 2, ""), "http://portal:1"),
        (("::1", 1, ""), "http://[::1]:1"),
    ],
)
def test_address(given, want):
    assert address(*given, token="").url == want


@pytest.mark.parametrize("host", ["", "ftp://portal", "https://"])
def test_address_refused(host):
    with pytest.raises(PortalError) as refused:
        address(host, None, "", token="secret")
    assert refused.value.fix and "secret" not in str(refused.value)


def test_token_is_in_no_text():
    assert "secret" not in repr(address("h", 1, "", token="secret"))


def test_completed(portal):
    ready(portal, run("PENDING"), run("RUNNING"), run("COMPLETED"))
    assert operator().execute(context())["rows_loaded"] == 2
    at, headers, body = portal.asked[0]
    assert at == "POST /api/v1/jobs/execute/3" and body == {}
    assert headers["Idempotency-Key"] == "airflow:d:manual__1:run:-1"
    assert headers["Authorization"] == "Bearer etlp_of-the-tests"
    assert headers["User-Agent"].startswith("etl-portal-provider/")


def test_failed_says_why(portal):
    why = {"message": "line 2 has too many fields", "fix": "Mend the file.", "line": 2, "column": "id"}
    ready(portal, run("FAILED", error=why))
    with pytest.raises(AirflowException) as failed:
        operator().execute(context())
    assert not isinstance(failed.value, AirflowFailException), "Airflow may try again"
    for word in ("run 7", why["message"], why["fix"], "line 2, column id", portal.url):
        assert word in str(failed.value)


def test_second_try_goes_on_with_the_run(portal):
    ready(portal, run("FAILED", error={"message": "m"}), run("COMPLETED"))
    portal.says("POST job-runs/7/retry", (200, run("PENDING")))
    operator().execute(context(tries=2))
    assert portal.paths()[:3] == ["POST jobs/execute/3", "GET job-runs/7", "POST job-runs/7/retry"]


def test_cancelled_is_not_tried_again(portal):
    ready(portal, run("CANCELLED"))
    with pytest.raises(AirflowFailException, match="run 7 was cancelled"):
        operator().execute(context())


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, {"detail": "there is no job 3", "fix": "List the jobs.", "code": "not_found"}, AirflowFailException, "there is no job 3. List the jobs."),
        (401, {"detail": "the token is not known"}, AirflowFailException, "password of Airflow's connection"),
        (422, {"detail": "the file is not ready"}, AirflowFailException, "the file is not ready"),
        (503, {"detail": "the database is down"}, AirflowException, "the database is down"),
        (429, {}, AirflowException, "429"),
        (200, "<html>", AirflowFailException, "Check the URL"),
    ],
)
def test_refusals(portal, status, body, kind, words):
    portal.says("POST jobs/execute/3", (status, body))
    with pytest.raises(kind, match=words) as refused:
        operator().execute(context())
    assert type(refused.value) is kind
    assert "etlp_" not in str(refused.value)


def test_unreachable(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ETL_PORTAL_API", "http://127.0.0.1:1")
    with pytest.raises(AirflowException, match="does not answer"):
        operator().execute(context())
    ok, said = EtlPortalHook().test_connection()
    assert not ok and "does not answer" in said


def test_held_run_is_started(portal):
    portal.says("POST job-runs/7/start", (200, run("PENDING")))
    portal.says("GET job-runs/7", (200, run("COMPLETED")))
    operator(job_id="3", job_run_id="7").execute(context())
    assert portal.paths() == ["POST job-runs/7/start", "GET job-runs/7"]
    with pytest.raises(AirflowFailException, match="is of job 3, not of job 4"):
        operator(job_id="4", job_run_id="7").execute(context())
    with pytest.raises(AirflowFailException, match="conf"):
        operator(job_id="3", job_run_id="None").execute(context())


def test_overlap(portal):
    ready(portal, run("COMPLETED"))
    portal.says("GET job-runs?job_id=3&status=RUNNING&limit=1", (200, {"items": [{"id": 6}]}), (200, {"items": []}))
    portal.says("GET job-runs?job_id=3&status=PENDING&limit=1", (200, {"items": []}))
    portal.says("GET job-runs/6", (200, run("FAILED")))
    with pytest.raises(AirflowSkipException, match="run 6"):
        operator(overlap="skip").execute(context())
    portal.says("GET job-runs?job_id=3&status=RUNNING&limit=1", (200, {"items": [{"id": 6}]}), (200, {"items": []}))
    operator(overlap="queue").execute(context())
    assert "GET job-runs/6" in portal.paths()
    with pytest.raises(ValueError, match="allow, skip or queue"):
        operator(overlap="perhaps")


def test_missed_times(portal):
    ready(portal, run("COMPLETED"))
    hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    with pytest.raises(AirflowSkipException, match="catch-up policy"):
        operator(late_seconds=300).execute(context(kind="scheduled", due=hour_ago))
    operator(late_seconds=300).execute(context(kind="manual", due=hour_ago))
    with pytest.raises(AirflowSkipException, match="catches up on no more"):
        operator(latest=3, cron="* * * * *").execute(context(kind="scheduled", due=hour_ago))
    operator(latest=90, cron="* * * * *").execute(context(kind="scheduled", due=hour_ago))


def test_fired_since():
    at = datetime(2026, 3, 28, 6, tzinfo=timezone.utc)
    assert fired_since("0 7 * * *", "Europe/Berlin", at, at + timedelta(days=3), 9) == 3
    assert fired_since("0 7 * * *", "Europe/Berlin", at, at + timedelta(days=3), 2) == 2


def test_key_fits():
    assert len(key_of(context(run_id="x" * 400))) < 255
    assert key_of(context(run_id="é")).isascii()


def events(trigger):
    async def first():
        async for event in trigger.run():
            return event.payload

    return asyncio.run(asyncio.wait_for(first(), 30))


def test_trigger(portal):
    portal.says("GET job-runs/7", (200, run("RUNNING")), (503, {"detail": "restarting"}), (200, run("COMPLETED")))
    trigger = EtlPortalRunTrigger("etl_portal_api", 7, poll_seconds=0.01)
    assert events(trigger)["run"]["status"] == "COMPLETED"
    path, arguments = trigger.serialize()
    assert path.endswith("EtlPortalRunTrigger") and EtlPortalRunTrigger(**arguments).serialize()[1] == arguments


def test_trigger_gives_up(portal):
    portal.says("GET job-runs/7", (503, {"detail": "restarting"}))
    event = events(EtlPortalRunTrigger("etl_portal_api", 7, poll_seconds=0.01, patience_seconds=0))
    assert event["passes"] and "restarting" in event["error"]
    portal.says("GET job-runs/7", (404, {"detail": "there is no run 7"}))
    event = events(EtlPortalRunTrigger("etl_portal_api", 7, poll_seconds=0.01))
    assert not event["passes"]
    with pytest.raises(AirflowFailException, match="no run 7"):
        operator().completed(context(), event)
