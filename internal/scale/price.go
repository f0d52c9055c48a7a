package scale

import "time"

// Price is one line of the bill, in US dollars.
type Price struct {
	What string
	// Unit names what PerUnit is for.
	Unit    string
	PerUnit float64
	// Page is where AWS publishes it.
	Page  string
	units func(*Result) float64
}

// pricesOf is when the prices were written down here.
var pricesOf = time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)

// Prices are those of us-east-1 without free tiers and discounts.
func Prices() []Price {
	const million, gib = 1e6, 1 << 30
	return []Price{
		{"Lambda, arm64", "GB-second", 0.0000133334, "aws.amazon.com/lambda/pricing", func(r *Result) float64 { return r.Use.FunctionGBSeconds }},
		{"Lambda calls", "million", 0.20, "aws.amazon.com/lambda/pricing", func(r *Result) float64 { return float64(r.Use.Invocations) / million }},
		{"Fargate task, arm64, 1 vCPU and 2 GB", "hour", 0.03238 + 2*0.00356, "aws.amazon.com/fargate/pricing", func(r *Result) float64 { return r.Use.TaskSeconds / 3600 }},
		{"SQS requests", "million", 0.40, "aws.amazon.com/sqs/pricing", func(r *Result) float64 { return float64(r.Use.Messages) / million }},
		{"API Gateway REST requests", "million", 3.50, "aws.amazon.com/api-gateway/pricing", func(r *Result) float64 { return float64(r.Use.Requests) / million }},
		{"S3 PUT, COPY, POST, LIST", "thousand", 0.005, "aws.amazon.com/s3/pricing", func(r *Result) float64 { return float64(r.Use.S3Puts) / 1000 }},
		{"S3 GET", "thousand", 0.0004, "aws.amazon.com/s3/pricing", func(r *Result) float64 { return float64(r.Use.S3Gets) / 1000 }},
		{"S3 standard storage, kept 7 days", "GB-month", 0.023, "aws.amazon.com/s3/pricing", func(r *Result) float64 { return float64(r.Use.Bytes) / gib * 7 / 30 }},
		{"Aurora Serverless v2, the portal's", "ACU-hour", 0.12, "aws.amazon.com/rds/aurora/pricing", func(r *Result) float64 { return r.Use.ACUSeconds / 3600 }},
	}
}

// Cost is the price's part of what the scenario costs, in US dollars.
func (p *Price) Cost(r *Result) float64 { return p.units(r) * p.PerUnit }

// Cost is what the scenario costs in US dollars, without the destination and
// what the account pays when idle.
func (r *Result) Cost() float64 {
	var sum float64
	for _, p := range Prices() {
		sum += p.Cost(r)
	}
	return sum
}
