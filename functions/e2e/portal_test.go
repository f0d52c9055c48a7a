package e2e_test

import (
	"testing"

	"github.com/etlportal/etlportal/internal/etltest"
)

// The deployed portal, part by part; the parts share it, because deploying takes its time.
func TestDeployed(t *testing.T) {
	d := deploy(t)
	t.Run("contract", d.contract)
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
	t.Run("redshift", d.intoRedshift)
	t.Run("a loader killed over its chunk", killed)
}

// contract is what every portal's API promises; the suite wants one that nobody
// has used, and a database of its own.
func (d *deployment) contract(t *testing.T) {
	etltest.APISuite(t, etltest.API{BaseURL: d.base, Token: d.token, Destination: d.database(t, "contract").String(), Patience: 2 * patience})
}
