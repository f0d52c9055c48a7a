package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata anew")

// unavoidable are the statements whose resource is everything, by Sid, with the reason.
var unavoidable = map[string]string{
	"Statements":        "statements of the Data API have no ARN; the condition names whose they are",
	"NetworkInterfaces": "the interface that Lambda puts into the VPC does not exist yet when it asks; EC2 takes no narrower resource for the Describe actions",
	"ListSchedules":     "EventBridge Scheduler names no resource for its list",
}

// below are resources that end in a star because what is below them is the
// portal's own, with the reason.
var below = map[string]string{
	"/sources/*":     "objects of uploads",
	"/inspections/*": "what an inspection keeps for whoever goes on",
	"/runs/*":        "what a plan keeps for whoever goes on",
	"/redshift/*":    "parts of loads into Redshift",
	"schedules/*":    "entries of the portal's own group",
}

// TestLeastPrivilege holds every function and the task to the list in
// testdata/access.txt: an action more is a decision to look at.
func TestLeastPrivilege(t *testing.T) {
	got := strings.Join(permitted(t, sharedApp(t, "aws").stacks["App"]), "\n") + "\n"
	golden(t, "access.txt", got)
	for _, name := range append([]string{functionStream}, functionNames...) {
		require.Contains(t, got, title(name)+"Role ", "every function is in the list")
	}
}

// permitted are the lines of a stack's roles.
func permitted(t *testing.T, stack template) []string {
	t.Helper()
	lines := []string{}
	for id, role := range stack.of("AWS::IAM::Role") {
		policies, _ := role.Properties["Policies"].([]any)
		if role.Properties["ManagedPolicyArns"] != nil && !strings.Contains(id, "CloudWatchRole") {
			t.Errorf("%s has managed policies, which are wider than its work", id)
		}
		for _, p := range policies {
			document := p.(map[string]any)["PolicyDocument"].(map[string]any)
			require.Empty(t, wild(document), "%s", id)
			lines = append(lines, listed(plainID(id), document)...)
		}
	}
	for _, p := range stack.of("AWS::IAM::Policy") {
		document := p.Properties["PolicyDocument"].(map[string]any)
		for _, role := range p.Properties["Roles"].([]any) {
			name := plain(role)
			require.Equal(t, "PublishExecutionRole", name, "a function's permissions are in its role alone")
			lines = append(lines, listed(name, document)...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// golden compares a list with the one that was looked at.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "permissions changed; look at each, then run: go test -run '%s' -update .", t.Name())
}

// TestObjects: a step that keeps its state in the bucket may write it, read it
// again and clear it, and finds out that there is none; what it gives up ends.
func TestObjects(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "access.txt"))
	require.NoError(t, err)
	for who, prefix := range map[string]string{"Inspect": "inspections", "Plan": "runs"} {
		for _, want := range []string{
			"s3:GetObject Data.Uploads.Arn/" + prefix + "/*", "s3:PutObject Data.Uploads.Arn/" + prefix + "/*", "s3:AbortMultipartUpload Data.Uploads.Arn/" + prefix + "/*",
			"s3:DeleteObject Data.Uploads.Arn/" + prefix + "/*", "s3:ListBucket Data.Uploads.Arn", "kms:GenerateDataKey Data.DataKey.Arn", "kms:Decrypt Data.DataKey.Arn",
		} {
			require.Contains(t, string(golden), who+"Role Allow "+want+"\n")
		}
	}
	require.Contains(t, string(golden), "ScheduleRole Allow kms:Decrypt Data.SealKey.Arn\n", "a run's table is looked at when its time has come")
	objects, err := objectsOf()
	require.NoError(t, err)
	for name, prefixes := range objects {
		require.Contains(t, functionNames, name)
		for prefix, does := range prefixes {
			require.Regexp(t, `^[a-z]+/$`, prefix)
			require.NotEmpty(t, does)
			for _, what := range does {
				require.Contains(t, objectActions, what, "%s %s", name, prefix)
			}
		}
	}
	for _, target := range []string{"aws", "localstack"} {
		stack := map[string]string{"aws": "Data", "localstack": "App"}[target]
		ends := map[string]float64{}
		for id, bucket := range sharedApp(t, target).stacks[stack].of("AWS::S3::Bucket") {
			if !strings.HasPrefix(id, "Uploads") || strings.HasPrefix(id, "UploadsLog") {
				continue
			}
			for _, r := range bucket.Properties["LifecycleConfiguration"].(map[string]any)["Rules"].([]any) {
				rule := r.(map[string]any)
				if prefix, ok := rule["Prefix"].(string); ok {
					ends[prefix] = rule["ExpirationInDays"].(float64)
				}
			}
		}
		require.Equal(t, map[string]float64{"inspections/": 18, "runs/": 18, "redshift/": 18}, ends, "uploads themselves stay")
	}
}

// TestWildcardsAreFound: what the test above relies on.
func TestWildcardsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		sid      string
		action   any
		resource any
		bad      bool
	}{
		"an action's star":              {"X", []any{"s3:Get*"}, "arn:aws:s3:::b/k", true},
		"everything":                    {"X", "s3:GetObject", "*", true},
		"a star among resources":        {"X", "s3:GetObject", []any{"arn:aws:s3:::b/k", "arn:aws:s3:::*"}, true},
		"a star in a join":              {"X", "s3:GetObject", map[string]any{"Fn::Join": []any{"", []any{"arn:", "b/*"}}}, true},
		"objects of uploads":            {"X", "s3:GetObject", map[string]any{"Fn::Join": []any{"", []any{"arn:b", "/sources/*"}}}, false},
		"explained":                     {"ListSchedules", "scheduler:ListSchedules", "*", false},
		"explained, but the action not": {"ListSchedules", "scheduler:*", "*", true},
		"narrow":                        {"X", "s3:GetObject", "arn:aws:s3:::b/k", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := wild(map[string]any{"Statement": []any{map[string]any{"Sid": c.sid, "Effect": "Allow", "Action": c.action, "Resource": c.resource}}})
			require.Equal(t, c.bad, len(got) > 0, "%v", got)
		})
	}
}

// wild gives the statements that are wider than they may be.
func wild(document map[string]any) []string {
	var found []string
	for _, s := range document["Statement"].([]any) {
		statement := s.(map[string]any)
		sid, _ := statement["Sid"].(string)
		for _, action := range several(statement["Action"]) {
			if strings.Contains(plain(action), "*") {
				found = append(found, sid+": action "+plain(action))
			}
		}
		for _, r := range several(statement["Resource"]) {
			text := plain(r)
			if !strings.Contains(text, "*") || unavoidable[sid] != "" {
				continue
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(below)), func(end string) bool {
				return strings.HasSuffix(text, end) && strings.Count(text, "*") == 1
			}) {
				found = append(found, sid+": resource "+text)
			}
		}
	}
	return found
}

// listed are a policy's lines: who may do what on what, under which condition.
func listed(who string, document map[string]any) []string {
	var lines []string
	for _, s := range document["Statement"].([]any) {
		statement := s.(map[string]any)
		when := ""
		if c, ok := statement["Condition"].(map[string]any); ok {
			when = " when " + plain(c)
		}
		for _, action := range several(statement["Action"]) {
			for _, r := range several(statement["Resource"]) {
				lines = append(lines, fmt.Sprintf("%s %s %s %s%s", who, statement["Effect"], plain(action), plain(r), when))
			}
		}
	}
	return lines
}

func several(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

var (
	hashOfID   = regexp.MustCompile(`[0-9A-F]{8}$`)
	importedID = regexp.MustCompile(`^EtlPortal-(\w+):ExportsOutput(?:Ref|FnGetAtt)(\w+?)[0-9A-F]{8}(Arn|Id|GroupId)?[0-9A-F]{8}$`)
)

// plainID is a logical id without the hash that CDK puts behind it.
func plainID(id string) string { return hashOfID.ReplaceAllString(id, "") }

// plain writes a template's value as a person reads it.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = plain(v[i])
		}
		return strings.Join(parts, ",")
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return plainID(ref)
		}
		if att, ok := v["Fn::GetAtt"].([]any); ok {
			return plainID(att[0].(string)) + "." + att[1].(string)
		}
		if name, ok := v["Fn::ImportValue"].(string); ok {
			return importedID.ReplaceAllString(name, "$1.$2.$3")
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			parts := []string{}
			for _, part := range join[1].([]any) {
				parts = append(parts, plain(part))
			}
			return strings.Join(parts, join[0].(string))
		}
		parts := []string{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+"="+plain(v[key]))
		}
		return strings.Join(parts, " ")
	default:
		return fmt.Sprint(v)
	}
}
