// Package main makes the CloudFormation templates of the portal on AWS, and of
// the part of it that LocalStack can run; docs/aws.md says how to use them.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "cost" {
		fmt.Print(costPage())
		return
	}
	defer jsii.Close()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "infra-cdk:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and with it the Node beside it
	}
}

// run synthesizes into CDK_OUTDIR.
func run() (err error) {
	// CDK's own checks reach Go as panics.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the templates cannot be made: %v", p)
		}
	}()
	app := newApp(nil)
	settings, err := settingsOf(app.Node())
	if err != nil {
		return err
	}
	if err := build(app, settings); err != nil {
		return err
	}
	if settings.Reserve {
		fmt.Fprintf(os.Stderr, "the functions reserve %d at a time of the account's %d\n", settings.Reserved(), settings.Quota)
	}
	return synth(app)
}

// synth writes the templates. Where CDK would have to look into the account for
// something, it has put an invented value there, and that is an error.
func synth(app awscdk.App) error {
	manifest := app.Synth(nil).Manifest()
	if manifest.Missing == nil || len(*manifest.Missing) == 0 {
		return nil
	}
	keys := make([]string, 0, len(*manifest.Missing))
	for _, missing := range *manifest.Missing {
		keys = append(keys, *missing.Key)
	}
	return fmt.Errorf("the templates hold invented values where the account was to be asked: %s; give them as context, or leave out account and region", strings.Join(keys, ", "))
}

// newApp begins an app; outdir is CDK_OUTDIR where nil.
func newApp(outdir *string) awscdk.App {
	return awscdk.NewApp(&awscdk.AppProps{
		Outdir: outdir, AnalyticsReporting: jsii.Bool(false), TreeMetadata: jsii.Bool(false),
		Context: &map[string]any{
			// Access logs of S3 by policy: its ACLs are closed.
			"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": true,
		},
	})
}
