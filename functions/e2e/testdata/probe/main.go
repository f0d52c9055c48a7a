// Command probe is a function that does what its event says, to show that
// functions run in LocalStack as they do in AWS.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	Do      string
	Records []events.SQSMessage
}

// report is what the function sees of its surroundings.
type report struct {
	PID       int
	RequestID string
	// Left is the time until the deadline in seconds.
	Left float64
	Env  map[string]string
}

func main() { lambda.Start(handle) }

func handle(ctx context.Context, o order) (any, error) {
	if o.Records != nil {
		return work(o.Records)
	}
	fmt.Println("doing " + o.Do)
	switch o.Do {
	case "report":
		return look(ctx), nil
	case "fail":
		return nil, errors.New("told to fail")
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	}
	return nil, errors.New("no such order: " + o.Do)
}

func look(ctx context.Context) report {
	r := report{PID: os.Getpid(), Env: map[string]string{}}
	if deadline, ok := ctx.Deadline(); ok {
		r.Left = time.Until(deadline).Seconds()
	}
	if l, ok := lambdacontext.FromContext(ctx); ok {
		r.RequestID = l.AwsRequestID
	}
	for _, setting := range os.Environ() {
		name, value, _ := strings.Cut(setting, "=")
		r.Env[name] = value
	}
	return r
}

// work calls the address in each message, says which process has it, and does
// what the answer says.
func work(records []events.SQSMessage) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, record := range records {
		var call struct{ Address, Name string }
		if err := json.Unmarshal([]byte(record.Body), &call); err != nil {
			return response, err
		}
		conn, err := net.Dial("tcp", call.Address)
		if err != nil {
			return response, err
		}
		if _, err := fmt.Fprintf(conn, "%s %d\n", call.Name, os.Getpid()); err != nil {
			return response, err
		}
		answer, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || strings.TrimSpace(answer) != "done" {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
		_ = conn.Close()
	}
	return response, nil
}
