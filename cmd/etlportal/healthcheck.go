package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/etl"
)

// healthFor is how long a server may take to say that it lives.
const healthFor = 4 * time.Second

// newHealthcheck is for containers, whose images have nothing else to ask with.
func newHealthcheck(s streams) *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck", Short: "Ask the server at ETLPORTAL_LISTEN whether it lives: exit code 0 or 3", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			address := app.NewReader(withFlags(nil)).Text("ETLPORTAL_LISTEN", "127.0.0.1:8080")
			if err := healthy(cmd.Context(), "http://"+reachedAt(address)+"/healthz"); err != nil {
				return err
			}
			fmt.Fprintln(s.out, "the server at "+address+" lives")
			return nil
		},
	}
}

func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthFor)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return etl.Mistakef("bad_setting", "Set ETLPORTAL_LISTEN as the server has it, like 127.0.0.1:8080.", "ETLPORTAL_LISTEN makes no address: %v", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return &etl.Error{Kind: etl.Weather, Code: "unreachable", Message: "no server answers: " + err.Error(), Fix: "Look at the server's log.", Err: err}
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)); err != nil || answer.StatusCode != http.StatusOK {
		return &etl.Error{Kind: etl.Weather, Code: "unreachable", Message: fmt.Sprintf("%s answers %s", url, answer.Status), Fix: "Look at the server's log.", Err: err}
	}
	return nil
}
