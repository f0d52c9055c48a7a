// Command reconcile is the function that sets going again what has stopped; a rule invokes it every minute.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/etlportal/etlportal/functions/internal/cloud"
)

func main() {
	f, err := cloud.Start(os.LookupEnv, os.Stdout, cloud.WithTasks, cloud.WithAirflow, cloud.WithWarehouse)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
	lambda.Start(f.Reconcile)
}
