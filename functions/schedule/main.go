// Command schedule is the function that starts a job's run when its time has come, a message each.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/etlportal/etlportal/functions/internal/cloud"
)

func main() {
	f, err := cloud.Start(os.LookupEnv, os.Stdout, cloud.WithAirflow, cloud.WithWarehouse)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
	lambda.Start(f.Ticks)
}
