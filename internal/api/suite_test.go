package api_test

import (
	"testing"

	"github.com/etlportal/etlportal/internal/etltest"
)

// The same suite goes through the functions, too (functions/internal/cloud, functions/e2e).
func TestContract(t *testing.T) {
	l, _ := newClosed(t)
	l.serve()
	etltest.APISuite(t, etltest.API{BaseURL: l.url, Token: bootstrap, Destination: etltest.Postgres(t)})
}
