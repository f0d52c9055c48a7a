package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"
)

// managed turns the managed Airflow on, with content that is none.
func managed(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, dagFolder), 0o700))
	for _, name := range []string{"dags/etl_job_executor.py", "plugins-1.zip", "requirements-2.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	return map[string]string{"mwaa": "true", "mwaa.version": "2.11.0", "mwaa.content": dir}
}

// TestAirflow: the environment as it is asked for, and what each side may do.
func TestAirflow(t *testing.T) {
	a := assembled(t, placeholders(t), filepath.Join(shelf, "managed"), managed(t))
	stack, app := a.stacks["Mwaa"], a.stacks["App"]
	environments := stack.of("AWS::MWAA::Environment")
	require.Len(t, environments, 1)
	for _, e := range environments {
		p := e.Properties
		require.Equal(t, []any{"etlportal-airflow", "2.11.0", "mw1.small", "dags", "plugins-1.zip", "requirements-2.txt", "PUBLIC_ONLY"},
			[]any{p["Name"], p["AirflowVersion"], p["EnvironmentClass"], p["DagS3Path"], p["PluginsS3Path"], p["RequirementsS3Path"], p["WebserverAccessMode"]})
		network := p["NetworkConfiguration"].(map[string]any)
		require.Len(t, network["SubnetIds"], 2, "MWAA wants two zones")
		require.Contains(t, p["AirflowConfigurationOptions"].(map[string]any)["secrets.backend_kwargs"], `"etlportal/connections"`)
	}
	has(t, stackOf(t, a, "Mwaa"), "AWS::S3::Bucket", map[string]any{"VersioningConfiguration": map[string]any{"Status": "Enabled"}})
	has(t, stackOf(t, a, "Mwaa"), "Custom::CDKBucketDeployment", map[string]any{"Prune": false})

	// Airflow's own role: stars only where the resource is AWS's or has no name.
	stars := map[string]bool{}
	for id, role := range stack.of("AWS::IAM::Role") {
		if !strings.HasPrefix(id, "AirflowRole") {
			continue
		}
		for _, policy := range role.Properties["Policies"].([]any) {
			for _, s := range policy.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				statement := s.(map[string]any)
				for _, action := range several(statement["Action"]) {
					require.NotContains(t, action, "*")
				}
				if statement["Sid"] == "CeleryKey" {
					require.Contains(t, plain(statement["NotResource"]), ":key/*", "no key of this account")
					continue
				}
				for _, r := range several(statement["Resource"]) {
					if text := plain(r); strings.Contains(text, "*") {
						stars[statement["Sid"].(string)] = true
					}
				}
			}
		}
	}
	require.Equal(t, map[string]bool{"Dags": true, "PublicAccess": true, "Logs": true, "LogGroups": true, "Metrics": true, "Celery": true, "Connections": true}, stars)

	// The functions: schedules are kept by two, jobs handed over by three.
	does := map[string][]string{}
	for id, role := range app.of("AWS::IAM::Role") {
		policies, _ := role.Properties["Policies"].([]any)
		for _, p := range policies {
			for _, line := range listed(plainID(id), p.(map[string]any)["PolicyDocument"].(map[string]any)) {
				if fields := strings.Fields(line); strings.HasPrefix(fields[2], "airflow:") || strings.Contains(line, "Dags") {
					does[fields[0]] = append(does[fields[0]], fields[2])
				}
			}
		}
	}
	for _, list := range does {
		slices.Sort(list)
	}
	keeps := []string{"airflow:GetEnvironment", "airflow:InvokeRestApi", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}
	require.Equal(t, map[string][]string{"ApiRole": keeps, "ReconcileRole": keeps, "ScheduleRole": keeps[:2]}, does)
	for id, f := range app.of("AWS::Lambda::Function") {
		env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		require.Equal(t, "etlportal-airflow", env["ETLPORTAL_MWAA_ENVIRONMENT"], id)
		require.Contains(t, env, "ETLPORTAL_MWAA_BUCKET", id)
	}
	require.NotContains(t, sharedApp(t, "aws").stacks, "Mwaa", "it is asked for")
}

func TestAirflowSettings(t *testing.T) {
	for want, context := range map[string]map[string]string{
		"mwaa needs nat=1":       {"mwaa": "true", "nat": "0"},
		"mwaa is not on":         {"mwaa": "true", "target": targetLocalStack},
		"mwaa.version is":        {"mwaa": "true", "mwaa.version": "2.7.2"},
		"mwaa.class is":          {"mwaa": "true", "mwaa.class": "huge"},
		"mwaa.workers is":        {"mwaa": "true", "mwaa.workers": "0"},
		"mwaa.access is":         {"mwaa": "true", "mwaa.access": "secret"},
		"scripts/mwaa.sh 3.0.6`": {"mwaa": "true", "mwaa.content": t.TempDir()},
	} {
		app := newApp(jsii.String(t.TempDir()))
		app.Node().SetContext(jsii.String("functions"), placeholders(t))
		app.Node().SetContext(jsii.String("image"), "ghcr.io/etlportal/etlportal:1.0.0")
		for key, value := range context {
			app.Node().SetContext(jsii.String(key), value)
		}
		settings, err := settingsOf(app.Node())
		if err == nil {
			err = build(app, settings)
		}
		require.ErrorContains(t, err, want)
	}
}
