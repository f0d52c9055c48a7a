// Command scale prints what the portal does on AWS at a terabyte and at 10,000
// uploads, by simulation: go run ./cmd/scale > docs/scale.md
package main

import (
	"fmt"
	"os"

	"github.com/etlportal/etlportal/internal/scale"
)

func main() {
	if err := scale.Report(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}
