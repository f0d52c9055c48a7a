package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	os.Exit(tested(m))
}

// shelf is where the shared apps lie until the last test has ended.
var shelf string

func tested(m *testing.M) int {
	defer jsii.Close()
	var err error
	if shelf, err = os.MkdirTemp("", "etlportal-infra-"); err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(shelf) }()
	return m.Run()
}

// resource is one of a template.
type resource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
}

// template is a synthesized stack.
type template struct {
	Resources  map[string]resource
	Parameters map[string]map[string]any
	Outputs    map[string]any
	raw        []byte
	file       string
}

// of gives the resources of a type, by logical id.
func (t template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// assembly is a synthesized app with its stacks.
type assembly struct {
	app awscdk.App
	// prefix begins the names of the stacks.
	prefix string
	stacks map[string]template
}

// placeholders is a folder of functions that are none.
func placeholders(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range functionNames {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "bootstrap"), []byte("#!/bin/sh\n# "+name+"\n"), 0o600))
	}
	return dir
}

// pages is a folder of web pages.
func pages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.html"), []byte("<!doctype html><title>ETL Portal</title>"), 0o600))
	return dir
}

// assembled synthesizes with the context given, into a folder that outlives the
// test where it is shared.
func assembled(t *testing.T, functions, out string, context map[string]string) *assembly {
	t.Helper()
	app := newApp(jsii.String(out))
	all := map[string]string{"functions": functions, "image": "ghcr.io/etlportal/etlportal:1.0.0", "ui": pages(t)}
	maps.Copy(all, context)
	for key, value := range all {
		app.Node().SetContext(jsii.String(key), value)
	}
	settings, err := settingsOf(app.Node())
	require.NoError(t, err)
	require.NoError(t, build(app, settings))
	require.NoError(t, synth(app))
	a := &assembly{app: app, prefix: settings.StackName(""), stacks: map[string]template{}}
	files, err := filepath.Glob(filepath.Join(out, "*.template.json"))
	require.NoError(t, err)
	for _, file := range files {
		tpl := template{file: file}
		tpl.raw, err = os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(tpl.raw, &tpl))
		a.stacks[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), a.prefix), ".template.json")] = tpl
	}
	return a
}

// everything turns every switch on.
var everything = map[string]string{
	"size": "large", "waf": "true", "threats": "true", "mfa": "required", "nat": "2", "endpoints": "kms,sqs", "readers": "2", "alarm": "ops@example.com",
	"domain": "portal.example.com", "certificate": "arn:aws:acm:us-east-1:111122223333:certificate/4d3f", "otlp": "https://otlp.example.com",
	"saml": "https://idp.example.com/metadata", "oidc.issuer": "https://login.example.com", "oidc.client": "portal", "oidc.secret": "portal/oidc",
	"image": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/etlportal:1.0.0", "concurrency.load": "250", "origins": "https://other.example.com",
	"redshift": "serverless", "redshift.base": "16", "redshift.max": "64", "redshift.warehouses": warehouses,
}

// closed is a second portal of an account, with no way out to the internet.
var closed = map[string]string{"account": "111122223333", "region": "eu-central-1", "name": "sales", "nat": "0", "users": "none"}

// The apps that most tests look at; a synthesis takes seconds.
var (
	shared     = map[string]*assembly{}
	sharedLock sync.Mutex
)

func sharedApp(t *testing.T, name string) *assembly {
	t.Helper()
	sharedLock.Lock()
	defer sharedLock.Unlock()
	if a, ok := shared[name]; ok {
		return a
	}
	context := map[string]map[string]string{
		"aws": {}, "everything": everything, "closed": closed, "localstack": {
			"target": targetLocalStack, "origins": "http://localhost:5173",
			"redshift": "roles", "redshift.warehouses": "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/6bd5d2a5-4a0f-4b43-b1c1-7d7bbf8b4f7e",
		},
	}[name]
	if name == "closed" {
		context = maps.Clone(context)
		context["ca"] = authority(t)
	}
	shared[name] = assembled(t, placeholders(t), filepath.Join(shelf, name), context)
	return shared[name]
}

func TestStacks(t *testing.T) {
	require.Equal(t, []string{"App", "Auth", "Data", "Edge", "Network", "Observability"}, slices.Sorted(maps.Keys(sharedApp(t, "aws").stacks)))
	require.Equal(t, []string{"App", "Data", "Edge", "Network", "Observability"}, slices.Sorted(maps.Keys(sharedApp(t, "closed").stacks)))
	require.Equal(t, "EtlPortal-sales-", sharedApp(t, "closed").prefix, "a second portal's stacks are none of the first's")
	require.Equal(t, []string{"App"}, slices.Sorted(maps.Keys(sharedApp(t, "localstack").stacks)), "one CreateStack deploys everything")
}
