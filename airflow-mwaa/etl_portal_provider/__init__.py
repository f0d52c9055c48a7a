"""Airflow runs jobs of ETL Portal, and waits for them, over the portal's HTTP API."""

__version__ = "1.0.0"


def provider_info():
    """What Airflow shows of this provider, and its type of connection."""
    return {
        "package-name": "etl-portal-provider",
        "name": "ETL Portal",
        "description": "Runs jobs of ETL Portal and waits for them.",
        "versions": [__version__],
        "connection-types": [
            {
                "connection-type": "etl_portal",
                "hook-class-name": "etl_portal_provider.hook.EtlPortalHook",
            }
        ],
    }
