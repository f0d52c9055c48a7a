package main

import (
	"archive/zip"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"
)

// authority is a file with a certificate.
func authority(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	subject := &x509.Certificate{SerialNumber: big.NewInt(1)}
	made, err := x509.CreateCertificate(nil, subject, subject, public, private)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "bundle.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}), 0o600))
	return file
}

// TestReservations: no preset reserves more than an account begins with.
func TestReservations(t *testing.T) {
	for name, sizes := range presets {
		s := Settings{Sizes: sizes}
		require.LessOrEqual(t, s.Reserved(), accountConcurrency-unreserved, name)
	}
}

// TestInventedValues: what CDK would have looked up in the account ends the synthesis.
func TestInventedValues(t *testing.T) {
	app := newApp(jsii.String(t.TempDir()))
	stack := awscdk.NewStack(app, jsii.String("Zones"), &awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-central-1")}})
	require.Contains(t, *(*stack.AvailabilityZones())[0], "dummy")
	require.ErrorContains(t, synth(app), "availability-zones:account=111122223333:region=eu-central-1")
}

// TestFirewall: a caller chooses neither the address that he is counted by nor
// whether he is.
func TestFirewall(t *testing.T) {
	rules := map[string]map[string]any{}
	for _, acl := range sharedApp(t, "everything").stacks["App"].of("AWS::WAFv2::WebACL") {
		for _, r := range acl.Properties["Rules"].([]any) {
			rule := r.(map[string]any)
			rules[rule["Name"].(string)], _ = rule["Statement"].(map[string]any)["RateBasedStatement"].(map[string]any)
		}
		require.NotContains(t, plain(acl.Properties["Rules"]), "FORWARDED_IP")
	}
	viewers, others := rules["RateOfViewers"], rules["RateOfOthers"]
	require.Equal(t, "CUSTOM_KEYS", viewers["AggregateKeyType"])
	require.Equal(t, viewerHeader, viewers["CustomKeys"].([]any)[0].(map[string]any)["Header"].(map[string]any)["Name"])
	require.Equal(t, "IP", others["AggregateKeyType"])
	marked := viewers["ScopeDownStatement"].(map[string]any)
	require.Equal(t, map[string]any{"NotStatement": map[string]any{"Statement": marked}}, others["ScopeDownStatement"], "each request is counted by one of the two")
	match := marked["ByteMatchStatement"].(map[string]any)
	require.Equal(t, map[string]any{"SingleHeader": map[string]any{"Name": edgeHeader}}, match["FieldToMatch"])
	require.Equal(t, "EXACTLY", match["PositionalConstraint"])
	require.Regexp(t, `^\{\{resolve:secretsmanager:EdgeMark:SecretString:::?\}\}$`, plain(match["SearchString"]), "nobody reads it off the template")
	for _, d := range sharedApp(t, "everything").stacks["Edge"].of("AWS::CloudFront::Distribution") {
		shown := 0
		for _, o := range d.Properties["DistributionConfig"].(map[string]any)["Origins"].([]any) {
			headers, _ := o.(map[string]any)["OriginCustomHeaders"].([]any)
			for _, h := range headers {
				shown++
				require.Equal(t, edgeHeader, h.(map[string]any)["HeaderName"])
				require.Contains(t, plain(h.(map[string]any)["HeaderValue"]), "{{resolve:secretsmanager:App.EdgeMark")
			}
		}
		require.Equal(t, 1, shown)
	}
	script := viewerAddress + `
console.log(handler({viewer: {ip: "203.0.113.7"}, request: {headers: {"` + viewerHeader + `": {value: "198.51.100.1"}}}}).headers["` + viewerHeader + `"].value);`
	out, err := exec.Command("node", "-e", script).Output()
	require.NoError(t, err)
	require.Equal(t, "203.0.113.7\n", string(out), "what the caller wrote there is gone")
}

// TestPagesAreKeptRight: a browser keeps what never changes, and asks for the rest.
func TestPagesAreKeptRight(t *testing.T) {
	found := map[string]resource{}
	for id, r := range sharedApp(t, "aws").stacks["Edge"].of("Custom::CDKBucketDeployment") {
		found[id[:len("HashedFiles")-1]] = r
		require.Equal(t, false, r.Properties["Prune"], "pages that are open ask for the files they came with")
	}
	require.Len(t, found, 2)
	hashed, rest := found["HashedFile"], found["OtherFiles"]
	require.Equal(t, []any{"assets/*"}, hashed.Properties["Include"])
	require.Equal(t, []any{"*"}, hashed.Properties["Exclude"])
	require.Equal(t, "public, max-age=31536000, immutable", hashed.Properties["SystemMetadata"].(map[string]any)["cache-control"])
	require.Equal(t, []any{"assets/*"}, rest.Properties["Exclude"])
	require.NotContains(t, rest.Properties, "Include")
	require.Equal(t, "no-cache", rest.Properties["SystemMetadata"].(map[string]any)["cache-control"])
	require.Equal(t, []any{"/*"}, rest.Properties["DistributionPaths"])
}

// TestTooLarge: the gateway's own refusal reads like one of the portal's.
func TestTooLarge(t *testing.T) {
	has(t, stackOf(t, sharedApp(t, "aws"), "App"), "AWS::ApiGateway::GatewayResponse", map[string]any{
		"ResponseType": "REQUEST_TOO_LARGE", "StatusCode": "413", "ResponseTemplates": map[string]any{"application/json": tooLarge},
	})
	var problem map[string]any
	require.NoError(t, json.Unmarshal([]byte(tooLarge), &problem))
	for _, name := range []string{"type", "title", "status", "detail", "code", "fix", "errors", "request_id"} {
		require.Contains(t, problem, name)
	}
	require.Contains(t, problem["fix"], "/sources/csv/uploads")
}

// TestReconcileIsNotRepeated: the next minute's look makes up for one that failed.
func TestReconcileIsNotRepeated(t *testing.T) {
	for _, target := range []string{"aws", "localstack"} {
		tpl := stackOf(t, sharedApp(t, target), "App")
		tpl.ResourceCountIs(jsii.String("AWS::Lambda::EventInvokeConfig"), jsii.Number(1))
		has(t, tpl, "AWS::Lambda::EventInvokeConfig", map[string]any{
			"FunctionName":         map[string]any{"Ref": assertions.Match_StringLikeRegexp(jsii.String("^ReconcileFunction"))},
			"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60,
		})
	}
}

// TestAuthorities: with the certificates given, functions check whom they talk to.
func TestAuthorities(t *testing.T) {
	a := sharedApp(t, "closed")
	for id, f := range a.stacks["App"].of("AWS::Lambda::Function") {
		env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		require.Equal(t, "/var/task/rds-ca.pem", env["ETLPORTAL_DATABASE_CA"], id)
		require.NotContains(t, env, "ETLPORTAL_DATABASE_SSLMODE", "verify-full goes with it")
		require.NotContains(t, env, "ETLPORTAL_OIDC_ISSUER", "users=none")
	}
	for _, d := range a.stacks["App"].of("AWS::ECS::TaskDefinition") {
		require.NotContains(t, plain(d.Properties), "ETLPORTAL_DATABASE_CA", "the image has no such file unless task.ca says so")
	}
	archives, err := filepath.Glob(filepath.Join(filepath.Dir(a.stacks["App"].file), "asset.*.zip"))
	require.NoError(t, err)
	packedIn := 0
	for _, archive := range archives {
		r, err := zip.OpenReader(archive)
		require.NoError(t, err)
		names := []string{}
		for _, f := range r.File {
			names = append(names, f.Name)
		}
		require.NoError(t, r.Close())
		if strings.Join(names, " ") == "bootstrap rds-ca.pem" {
			packedIn++
		}
	}
	require.Equal(t, len(functionNames), packedIn)
	for _, f := range sharedApp(t, "aws").stacks["App"].of("AWS::Lambda::Function") {
		require.NotContains(t, plain(f.Properties["Environment"]), "ETLPORTAL_DATABASE_CA")
	}
}
