"""Event source mappings of SQS that invoke several functions at once.

LocalStack 4.14.0 polls each mapping in one thread, which waits for the function
before it polls again: two loaders would never run side by side. On AWS a mapping
begins with five pollers and stops at ScalingConfig.MaximumConcurrency. Here each
mapping hands its batches to as many threads, and waits for a free one before it
receives another message, so that none ages unseen.
"""

import logging
import threading

from localstack.runtime import hooks

LOG = logging.getLogger(__name__)

DEFAULT_CONCURRENCY = 5
WAIT_SECONDS = 1  # of one long poll; a mapping that is deleted ends within it


@hooks.on_infra_start()
def concurrent_pollers():
    """Replaces the polling of SQS; called once when LocalStack starts."""
    from localstack.services.lambda_.event_source_mapping import esm_worker
    from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

    plain_init = esm_worker.EsmWorker.__init__

    def init(self, esm_config, poller, *args, **kwargs):
        plain_init(self, esm_config, poller, *args, **kwargs)
        if isinstance(poller, SqsPoller) and not poller.is_fifo_queue:
            allowed = (esm_config.get("ScalingConfig") or {}).get("MaximumConcurrency") or DEFAULT_CONCURRENCY
            poller.etlportal_slots = threading.BoundedSemaphore(allowed)
            poller.etlportal_stopped = self._shutdown_event

    plain_poll = SqsPoller.poll_events

    def poll_events(self):
        slots = getattr(self, "etlportal_slots", None)
        if slots is None:
            return plain_poll(self)
        if not slots.acquire(timeout=WAIT_SECONDS):
            return None
        handed = False
        try:
            messages = self.source_client.receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=min(self.batch_size, 10),
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
            if messages and self.etlportal_stopped.is_set():
                # The mapping was switched off over the long poll: nobody is to see them.
                for message in messages:
                    self.source_client.change_message_visibility(
                        QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                    )
            elif messages:
                threading.Thread(target=handle, args=(self, slots, messages), daemon=True).start()
                handed = True
        finally:
            if not handed:
                slots.release()
        return None

    def handle(self, slots, messages):
        try:
            self.handle_messages(messages)
        except Exception as e:
            # Not deleted: the messages come back when their visibility ends, as on AWS.
            LOG.info("batch of %s failed: %s", self.source_arn, e)
        finally:
            slots.release()

    esm_worker.EsmWorker.__init__ = init
    SqsPoller.poll_events = poll_events
