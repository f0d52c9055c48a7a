package e2e_test

import "testing"

// The deployed portal, part by part; the parts share it, because it takes its time.
func TestDeployed(t *testing.T) {
	d := deploy(t)
	t.Logf("%+v", d.outputs)
	t.Log(d.token)
}
