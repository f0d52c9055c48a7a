"""Messages that are moved between queues count their receipts anew.

On AWS a message that StartMessageMoveTask brings back is a new one. LocalStack
4.14.0 keeps the count in its attributes, so that it would come back as one that
has failed for the last time.
"""

from localstack.runtime import hooks


@hooks.on_infra_start()
def redriven_anew():
    """Forgets the receipts of a message that enters a queue; called once when LocalStack starts."""
    from localstack.services.sqs.models import SqsMessage

    plain_init = SqsMessage.__init__

    def init(self, priority, message, *args, **kwargs):
        for name in ("ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"):
            message.get("Attributes", {}).pop(name, None)
        plain_init(self, priority, message, *args, **kwargs)

    SqsMessage.__init__ = init
