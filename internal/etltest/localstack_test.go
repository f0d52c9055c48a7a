package etltest

import "testing"

func TestLocalStackStarts(t *testing.T) {
	if info := LocalStack(t); !healthy(t.Context(), info.Endpoint) {
		t.Fatalf("%s does not answer", info.Endpoint)
	}
}
