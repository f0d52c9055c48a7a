"""LocalStack as a plain process: Lambda functions without Docker."""
