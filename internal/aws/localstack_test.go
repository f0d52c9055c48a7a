package aws_test

import (
	"errors"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// account is LocalStack's, with short waits between tries.
func account(t *testing.T) aws.Account {
	t.Helper()
	info := etltest.LocalStack(t)
	return aws.Account{
		Region: info.Region, Endpoint: info.Endpoint, AccessKey: info.AccessKey, SecretKey: info.SecretKey, Retry: 5 * time.Millisecond,
	}
}

// sdkConfig is for what the infrastructure would make.
func sdkConfig(t *testing.T) sdk.Config {
	t.Helper()
	a := account(t)
	return sdk.Config{
		Region: a.Region, BaseEndpoint: &a.Endpoint, Credentials: credentials.NewStaticCredentialsProvider(a.AccessKey, a.SecretKey, ""),
	}
}

// is checks the kind and code of an error, and that it says what to do.
func is(t *testing.T, err error, kind etl.Kind, code etl.Code) *etl.Error {
	t.Helper()
	e, ok := errors.AsType[*etl.Error](err)
	if !ok {
		t.Fatalf("got %v, want %s", err, code)
	}
	if e.Kind != kind || e.Code != code || e.Fix == "" {
		t.Errorf("got kind %d, code %s (%v), want kind %d, %s", e.Kind, e.Code, e, kind, code)
	}
	return e
}
