package cloud

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/functions/internal/runtimeapi"
)

// asBootstrap makes this program a function whose handler panics in the middle of its answer.
const asBootstrap = "CLOUD_TEST_BOOTSTRAP"

func TestMain(m *testing.M) {
	if os.Getenv(asBootstrap) == "" {
		m.Run()
		return
	}
	lambda.Start(func(ctx context.Context, e events.APIGatewayProxyRequest) (any, error) {
		r, err := request(ctx, e)
		if err != nil {
			return nil, err
		}
		return stream(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "begun")
			panic("canary")
		}), r, func() {}), nil
	})
}

// A panic behind the headers is told to the gateway in the stream's trailer, and
// a caller sees an answer that broke off, not one that is short.
func TestPanicTrailer(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	o := runtimeapi.Options{Bootstrap: program, Env: []string{asBootstrap + "=1"}}
	f := runtimeapi.NewFunction(o)
	t.Cleanup(f.Close)
	payload, err := json.Marshal(recorded[events.APIGatewayProxyRequest](t, "rest-proxy.json"))
	require.NoError(t, err)
	answer, err := f.Invoke(t.Context(), payload)
	require.NoError(t, err)
	require.True(t, answer.Streamed())
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(text), "\x00begun"), string(text))
	require.NotEmpty(t, answer.Trailer().Get("Lambda-Runtime-Function-Error-Type"))
	require.NoError(t, answer.Body.Close())

	server := httptest.NewServer(&runtimeapi.Gateway{Function: f, Stage: "prod"})
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	require.NoError(t, err)
	got, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	text, err = io.ReadAll(got.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "begun", string(text))
	require.NoError(t, got.Body.Close())
	require.Equal(t, 1, f.Environments(), "the function goes on")
}
