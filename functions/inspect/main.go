// Command inspect is the function that profiles uploaded files, a message each.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/etlportal/etlportal/functions/internal/cloud"
	"github.com/etlportal/etlportal/internal/etl"
)

func main() {
	f, err := cloud.Start(os.LookupEnv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
	lambda.Start(f.Messages(etl.TopicInspect))
}
