"""Runs jobs whose orchestrator is Airflow: the portal makes a run and triggers
this DAG with conf {"job_id": …, "job_run_id": …}; ten are under way at most.

The connection etl_portal_api, or the one that the environment variable
ETLPORTAL_AIRFLOW_CONNECTION names, leads to the portal.
"""

import os
from datetime import datetime, timedelta, timezone

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

from etl_portal_provider.operator import EtlPortalRunOperator

with DAG(
    dag_id="etl_job_executor",
    description="Runs jobs of ETL Portal that Airflow orchestrates",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=10,
    is_paused_upon_creation=False,
    render_template_as_native_obj=False,
    tags=["etl-portal"],
) as dag:
    EtlPortalRunOperator(
        task_id="run",
        job_id="{{ dag_run.conf.get('job_id') }}",
        job_run_id="{{ dag_run.conf.get('job_run_id') }}",
        conn_id=os.environ.get("ETLPORTAL_AIRFLOW_CONNECTION", "etl_portal_api"),
        deferrable=True,
        retries=2,
        retry_delay=timedelta(seconds=30),
    )
