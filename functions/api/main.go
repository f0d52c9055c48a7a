// Command api is the function that answers the portal's HTTP interface behind
// API Gateway's REST proxy integration.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/etlportal/etlportal/functions/internal/cloud"
)

func main() {
	f, err := cloud.StartAPI(os.LookupEnv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
	lambda.Start(f.Answer)
}
