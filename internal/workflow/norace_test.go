//go:build !race

package workflow_test

// underRace says that the race detector slows everything down several times.
const underRace = false
