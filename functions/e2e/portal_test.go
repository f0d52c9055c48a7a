package e2e_test

import "testing"

// The deployed portal, part by part; the parts share it, because deploying takes its time.
func TestDeployed(t *testing.T) {
	d := deploy(t)
	t.Run("closed to who has no token", d.closed)
	t.Run("roles", d.roles)
	t.Run("presigned parts", d.presigned)
	killed := d.killed(t)
	t.Run("fan-out", d.fanOut)
	t.Run("rejects", d.rejects)
	t.Run("cancelled", d.cancelled)
	t.Run("every message twice", d.twice)
	t.Run("dead letters", d.deadLetters)
	t.Run("tick", d.tick)
	t.Run("a loader killed over its chunk", killed)
}
