"""Written by ETL Portal, which fires a schedule through this DAG of Airflow.

Changes to this file are lost: change the schedule in the portal.
"""

import json
from datetime import datetime, timedelta

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

from airflow.timetables.trigger import CronTriggerTimetable
from etl_portal_provider.operator import EtlPortalRunOperator

SCHEDULE = json.loads("{}")

with DAG(
    dag_id=SCHEDULE["dag_id"],
    description=SCHEDULE["description"],
    schedule=CronTriggerTimetable(SCHEDULE["cron"], timezone=SCHEDULE["timezone"]),
    start_date=datetime.fromisoformat(SCHEDULE["start"]),
    end_date=datetime.fromisoformat(SCHEDULE["end"]) if SCHEDULE["end"] else None,
    catchup=SCHEDULE["catchup"],
    max_active_runs=SCHEDULE["max_active_runs"],
    is_paused_upon_creation=not SCHEDULE["enabled"],
    tags=SCHEDULE["tags"],
) as dag:
    EtlPortalRunOperator(
        task_id="run",
        job_id=SCHEDULE["job_id"],
        conn_id=SCHEDULE["connection"],
        overlap=SCHEDULE["overlap"],
        late_seconds=SCHEDULE["late_seconds"] or None,
        latest=SCHEDULE["latest"] or None,
        cron=SCHEDULE["cron"],
        timezone_name=SCHEDULE["timezone"],
        deferrable=True,
        retries=2,
        retry_delay=timedelta(minutes=1),
    )
