// Command load is the function that loads chunks, a message each, and hands back in time what it will not finish.
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
	lambda.Start(f.Messages(etl.TopicLoad))
}
