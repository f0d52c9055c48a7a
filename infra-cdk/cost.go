package main

import (
	"fmt"
	"strings"
)

// pricesOf is when the prices were taken into the table: list prices of us-east-1,
// from memory and not read off AWS's pages, without free tiers and discounts.
const pricesOf = "23 November 2026"

// Prices in US dollars.
const (
	priceACUHour       = 0.12 // Aurora Serverless v2, standard
	priceAuroraGB      = 0.10 // a month
	priceNATHour       = 0.045
	priceNATGB         = 0.045
	priceAddressHour   = 0.005 // a NAT gateway's public one
	priceEndpointHour  = 0.01  // and zone
	priceKey           = 1.00  // a month
	priceSecret        = 0.40  // a month
	priceAlarm         = 0.10  // a metric and month
	priceLambdaGBs     = 0.0000133334
	priceLambdaMillion = 0.20
	priceS3GB          = 0.023 // a month
	priceS3Puts        = 0.005 // a thousand
	priceS3Gets        = 0.0004
	priceSQSMillion    = 0.40
	priceMWAASmall     = 0.49 // an hour, with one worker
	priceMWAAMedium    = 0.74
	priceMWAALarge     = 0.99
	priceRPUHour       = 0.375 // Redshift Serverless
	priceRedshiftGB    = 0.024 // a month
)

// What the table assumes.
const (
	monthHours = 730
	// awakeACU is what a database that may pause uses at least while it is awake.
	awakeACU = 0.5
	// databaseGB is a portal's database after some thousand runs.
	databaseGB = 5
	// reconcileSeconds is how long a look takes that finds nothing.
	reconcileSeconds = 0.2
	// sourcesAlarms are the metrics of alarms: two of each stage, two of each
	// function's rate, and four of the portal.
	sourcesAlarms = 2*5 + 2*8 + 4
	// lambdaMBs is how many megabytes a second one function of one vCPU reads, parses
	// and sends; docs/scale.md has what a slower destination makes of it.
	lambdaMBs = 50
	// passes over a file's bytes: the inspection and the load.
	passes   = 2
	chunkMiB = 64
	partMiB  = 16
	// sqsCalls of a chunk: sent, received, deleted, and their empty likes.
	sqsCalls = 6
	// pollers are Lambda's of a queue, each of which asks every twenty seconds.
	pollers, pollsAnHour = 5, 180
	// warehouseWakes are the minutes that a run keeps a warehouse busy at least:
	// it asks when it is planned and when it is published, and Redshift bills
	// sixty seconds where a statement takes less.
	warehouseWakes = 2
	// stagedShare is the share of a file's size that its parts have.
	stagedShare = 0.25
	// keptDays is how long a file stays in the bucket.
	keptDays = 7
	perTB    = 1e12
	gigabyte = 1e9
	mebibyte = 1 << 20
	gibibyte = 1024 // MiB
	vCPU     = 1769 // MiB
)

// item is a line of the bill in dollars, a month or a terabyte.
type item struct {
	Name   string
	Amount float64
}

// idle is what a month costs in which nobody does anything.
func idle(s Sizes, nats, endpoints, reconcileMinutes int) []item {
	acu := s.MinACU
	if acu == 0 {
		// A look wakes the database; it falls asleep five minutes after the last.
		share := min(1, float64(pauseMinutes+1)/float64(reconcileMinutes))
		acu = awakeACU * share
	}
	looks := float64(monthHours*60) / float64(reconcileMinutes)
	look := s.Functions[functionReconcile]
	return []item{
		{"database, compute", acu * float64(1+s.Readers) * priceACUHour * monthHours},
		{"database, 5 GB", databaseGB * priceAuroraGB},
		{"NAT gateways", float64(nats) * (priceNATHour + priceAddressHour) * monthHours},
		{"interface endpoints", float64(endpoints*zones) * priceEndpointHour * monthHours},
		{"keys and secrets", 3*priceKey + 2*priceSecret},
		{"empty polls of the queues", 5 * pollers * pollsAnHour * monthHours / 1e6 * priceSQSMillion},
		{"alarms", sourcesAlarms * priceAlarm},
		{"reconciler", looks*priceLambdaMillion/1e6 + looks*reconcileSeconds*float64(look.Memory)/gibibyte*priceLambdaGBs},
	}
}

// terabyte is what one terabyte costs that is uploaded, inspected and loaded once.
func terabyte(s Sizes, nat bool) []item {
	seconds := perTB / (lambdaMBs * 1e6)
	memory := func(name string) float64 {
		f := s.Functions[name]
		// Memory beyond one vCPU's makes a function as much faster.
		return float64(min(f.Memory, vCPU)) / gibibyte
	}
	chunks := perTB / (chunkMiB * mebibyte)
	gets := passes * chunks
	through := 0.0
	if nat {
		through = perTB / gigabyte * priceNATGB
	}
	return []item{
		{"inspection (Lambda)", seconds * memory("inspect") * priceLambdaGBs},
		{"loading (Lambda)", seconds * memory(stageLoad) * priceLambdaGBs},
		{"invocations and messages", 2*chunks*priceLambdaMillion/1e6 + sqsCalls*chunks*priceSQSMillion/1e6},
		{"S3 requests", perTB/(partMiB*mebibyte)/1000*priceS3Puts + gets/1000*priceS3Gets},
		{"S3, 7 days kept", perTB / gigabyte * priceS3GB * keptDays / 30},
		{"rows through NAT, where the destination is not in the VPC or a peer", through},
	}
}

// costPage is the part of docs/aws.md that is computed.
func costPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "US dollars, us-east-1, list prices taken into the table on %s from memory, without free tiers and discounts: AWS's pages name those that hold.\n", pricesOf)
	fmt.Fprintf(&b, "\nA month in which nobody does anything:\n\n| | small | small, `reconcile=60` | small, `nat=0` | medium | large |\n|---|--:|--:|--:|--:|--:|\n")
	endpoints := len(closedEndpoints)
	table(&b, [][]item{
		idle(presets["small"], 1, 0, 1), idle(presets["small"], 1, 0, 60), idle(presets["small"], 0, endpoints, 1),
		idle(presets["medium"], 1, 0, 1), idle(presets["large"], 1, 0, 1),
	})
	fmt.Fprintf(&b, "\nWhat `mwaa=true` adds to such a month, further workers aside:\n\n| | mw1.small | mw1.medium | mw1.large |\n|---|--:|--:|--:|\n")
	fmt.Fprintf(&b, "| managed Airflow | %.2f | %.2f | %.2f |\n", priceMWAASmall*monthHours, priceMWAAMedium*monthHours, priceMWAALarge*monthHours)
	rpus := []float64{4, 8, 32, 128}
	fmt.Fprintf(&b, "\nWhat `redshift=serverless` adds, by `redshift.base`. Redshift bills what it computes, a minute at least, and nothing while nobody asks:\n\n| | 4 | 8 | 32 | 128 |\n|---|--:|--:|--:|--:|\n")
	for _, line := range []struct {
		name  string
		hours float64
	}{{"an hour of statements", 1}, {"a small run", warehouseWakes / 60.0}, {"a month in which nobody does anything: the reconciler looks once a day", 30 / 60.0}} {
		fmt.Fprintf(&b, "| %s |", line.name)
		for _, n := range rpus {
			fmt.Fprintf(&b, " %.2f |", n*line.hours*priceRPUHour)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\nBeside that %.2f a month for 100 GB in the warehouse; %.2f for the parts of a terabyte of CSV, which stay in the bucket for %d days; and with `nat=0` %.2f a month for each endpoint that Redshift asks for (`redshift-data` and `sts`, with `redshift-serverless` for workgroups and `redshift` for clusters).\n",
		100*priceRedshiftGB, stagedShare*perTB/gigabyte*priceS3GB*(stateDays+1)/30, int(stateDays), zones*priceEndpointHour*monthHours)
	fmt.Fprintf(&b, "\nA terabyte that is uploaded, inspected and loaded once, at %d MB/s of one vCPU:\n\n| | small | medium | large | large, through NAT |\n|---|--:|--:|--:|--:|\n", lambdaMBs)
	table(&b, [][]item{terabyte(presets["small"], false), terabyte(presets["medium"], false), terabyte(presets["large"], false), terabyte(presets["large"], true)})
	return b.String()
}

// table writes bills side by side; all have the same items.
func table(b *strings.Builder, bills [][]item) {
	sums := make([]float64, len(bills))
	for i, first := range bills[0] {
		fmt.Fprintf(b, "| %s |", first.Name)
		for n, bill := range bills {
			sums[n] += bill[i].Amount
			fmt.Fprintf(b, " %.2f |", bill[i].Amount)
		}
		b.WriteByte('\n')
	}
	b.WriteString("| **together** |")
	for _, sum := range sums {
		fmt.Fprintf(b, " **%.2f** |", sum)
	}
	b.WriteByte('\n')
}
