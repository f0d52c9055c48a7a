// Command plan is the function that cuts runs into chunks, a message each.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/etlportal/etlportal/functions/internal/cloud"
	"github.com/etlportal/etlportal/internal/etl"
)

func main() {
	f, err := cloud.Start(os.LookupEnv, os.Stdout, cloud.WithWarehouse)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
	lambda.Start(f.Messages(etl.TopicPlan))
}
