package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	costBegin = "<!-- cost: made by `infra-cdk cost` -->\n"
	costEnd   = "<!-- end of cost -->\n"
)

// TestCostPage: the table in docs/aws.md is the one that the sizes make.
func TestCostPage(t *testing.T) {
	const file = "../docs/aws.md"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), costBegin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, costEnd)
	require.True(t, ok)
	want := before + costBegin + costPage() + costEnd + after
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o600))
		return
	}
	require.Equal(t, want, string(text), "sizes or prices changed: go test -run TestCostPage -update .")
}

// TestCostFollowsTemplates: what the table counts is what the templates have.
func TestCostFollowsTemplates(t *testing.T) {
	a := sharedApp(t, "aws")
	metrics := 0
	for _, alarm := range a.stacks["Observability"].of("AWS::CloudWatch::Alarm") {
		read := 0
		several, _ := alarm.Properties["Metrics"].([]any)
		for _, m := range several {
			if m.(map[string]any)["MetricStat"] != nil {
				read++
			}
		}
		metrics += max(read, 1)
	}
	require.Equal(t, sourcesAlarms, metrics)
	keys, secrets := 0, 0
	for _, tpl := range a.stacks {
		keys += len(tpl.of("AWS::KMS::Key"))
		secrets += len(tpl.of("AWS::SecretsManager::Secret"))
	}
	require.Equal(t, 3, keys)
	require.Equal(t, 2, secrets)
	require.Equal(t, slices.Sorted(maps.Keys(endpointServices())), endpointNames)
}

// TestCostIsPlausible: the order of magnitude that the bill of such a
// deployment has.
func TestCostIsPlausible(t *testing.T) {
	sum := func(items []item) (all float64) {
		for _, i := range items {
			require.GreaterOrEqual(t, i.Amount, 0.0, i.Name)
			all += i.Amount
		}
		return all
	}
	paused, awake := sum(idle(presets["small"], 1, 0, 60)), sum(idle(presets["small"], 1, 0, 1))
	require.Less(t, paused, awake, "a database that is not woken costs less")
	require.InDelta(t, 45, paused, 15)
	require.Greater(t, sum(idle(presets["small"], 0, len(closedEndpoints), 1)), awake, "all endpoints cost more than a NAT gateway")
	require.InDelta(t, 45, sum(terabyte(presets["large"], true))-sum(terabyte(presets["large"], false)), 0.01, "a terabyte through NAT")
	require.InDelta(t, 0.47, terabyte(presets["small"], false)[1].Amount, 0.05, "a pass over a terabyte")
}
