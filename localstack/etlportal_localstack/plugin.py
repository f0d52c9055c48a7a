"""What LocalStack finds by its entry point; the executor itself is imported when first used."""

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *args, **kwargs):
        from etlportal_localstack.executor import ProcessExecutor

        return ProcessExecutor
