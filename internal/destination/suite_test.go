package destination_test

import (
	"testing"

	"github.com/etlportal/etlportal/internal/etltest"
)

func TestDestination(t *testing.T) {
	etltest.DestinationSuite(t, func(t *testing.T) etltest.DestinationSetup {
		t.Helper()
		d := newDatabase(t)
		return etltest.DestinationSetup{Dest: d.p, Exec: func(sql string) { d.exec(sql) }, Ask: func(sql string) string { return d.ask(sql) }}
	})
}
