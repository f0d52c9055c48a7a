package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"
)

// warehouses are what somebody has who has everything of Redshift already.
const warehouses = "arn:aws:redshift-serverless:eu-central-1:111122223333:workgroup/6bd5d2a5-4a0f-4b43-b1c1-7d7bbf8b4f7e," +
	"arn:aws:redshift:eu-central-1:111122223333:cluster:sales,arn:aws:redshift:eu-central-1:111122223333:dbuser:sales/loader," +
	"arn:aws:redshift:eu-central-1:111122223333:dbname:sales/shop,arn:aws:secretsmanager:eu-central-1:111122223333:secret:sales/loader-a1b2c3," +
	"arn:aws:kms:eu-central-1:111122223333:key/0d3f6f43-4a0f-4b43-b1c1-7d7bbf8b4f7e,arn:aws:s3:::sales-staging"

// TestWarehousePermissions: what loads into Redshift add to the list of who may
// do what, and nothing else.
func TestWarehousePermissions(t *testing.T) {
	a := sharedApp(t, "everything")
	usual := permitted(t, sharedApp(t, "aws").stacks["App"])
	var lines []string
	for _, line := range append(permitted(t, a.stacks["App"]), permitted(t, a.stacks["Warehouse"])...) {
		// The roles of the image and of Airflow are others' to look at.
		if !slices.Contains(usual, line) && !strings.HasPrefix(line, "PublishExecutionRole") {
			lines = append(lines, line)
		}
	}
	golden(t, "access-redshift.txt", strings.Join(lines, "\n")+"\n")
	for _, who := range []string{"Api", "Plan", "Load", "Finalize", "Schedule", "Reconcile", "Task"} {
		require.True(t, slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, who+"Role Allow sts:AssumeRole ") }), who)
	}
	for _, line := range lines {
		require.False(t, strings.HasPrefix(line, "InspectRole") || strings.HasPrefix(line, "StreamRole"), "who opens no database reaches no warehouse: %s", line)
	}
}

// TestWarehouse: the workgroup is closed, keeps its data, and lets functions in alone.
func TestWarehouse(t *testing.T) {
	a := sharedApp(t, "everything")
	stack, app := a.stacks["Warehouse"], a.stacks["App"]
	for _, w := range stack.of("AWS::RedshiftServerless::Workgroup") {
		p := w.Properties
		require.Equal(t, []any{"etlportal-warehouse", false, true, 16.0, 64.0, 5439.0},
			[]any{p["WorkgroupName"], p["PubliclyAccessible"], p["EnhancedVpcRouting"], p["BaseCapacity"], p["MaxCapacity"], p["Port"]})
		require.Len(t, p["SubnetIds"], 3, "Redshift wants three zones")
		require.Contains(t, p["ConfigParameters"], map[string]any{"ParameterKey": "require_ssl", "ParameterValue": "true"})
	}
	namespaces := stack.of("AWS::RedshiftServerless::Namespace")
	require.Len(t, namespaces, 1)
	for _, n := range namespaces {
		p := n.Properties
		require.Equal(t, "Retain", n.DeletionPolicy)
		require.Equal(t, true, p["ManageAdminPassword"], "nobody chooses the password")
		require.NotContains(t, p, "AdminUserPassword")
		require.Contains(t, plain(p["KmsKeyId"]), "Data.DataKey.Arn")
		require.Equal(t, "CopyRole.Arn", plain(p["DefaultIamRoleArn"]))
		require.Equal(t, "CopyRole.Arn", plain(p["IamRoles"]))
	}
	zones, blocks := map[string]bool{}, []string{}
	for _, s := range stack.of("AWS::EC2::Subnet") {
		require.Equal(t, false, s.Properties["MapPublicIpOnLaunch"])
		zones[plain(s.Properties["AvailabilityZone"])] = true
		blocks = append(blocks, s.Properties["CidrBlock"].(string))
	}
	slices.Sort(blocks)
	require.Len(t, zones, 3)
	require.Equal(t, []string{"10.40.253.0/24", "10.40.254.0/24", "10.40.255.0/24"}, blocks)
	require.Empty(t, stack.of("AWS::EC2::Route"), "its subnets lead to S3 alone, by the endpoint")
	for _, e := range stack.of("AWS::EC2::VPCEndpoint") {
		require.Equal(t, "Gateway", e.Properties["VpcEndpointType"], "which costs nothing")
	}
	in := stack.of("AWS::EC2::SecurityGroupIngress")
	require.Len(t, in, 1)
	for _, rule := range in {
		require.Equal(t, []any{5439.0, 5439.0}, []any{rule.Properties["FromPort"], rule.Properties["ToPort"]})
		require.Contains(t, plain(rule.Properties["SourceSecurityGroupId"]), "FunctionsGroup")
	}
	for _, g := range stack.of("AWS::EC2::SecurityGroup") {
		require.NotContains(t, g.Properties, "SecurityGroupIngress")
	}

	for id, f := range app.of("AWS::Lambda::Function") {
		if !strings.HasPrefix(id, "Custom") {
			env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			require.Contains(t, plain(env["ETLPORTAL_WAREHOUSE_ROLE_ARN"]), ":role/etlportal-warehouse-", id)
		}
	}
	// Nobody but what opens databases may become the role.
	trusted := []string{}
	for id, role := range app.of("AWS::IAM::Role") {
		if plainID(id) != "WarehouseRole" {
			continue
		}
		for _, s := range role.Properties["AssumeRolePolicyDocument"].(map[string]any)["Statement"].([]any) {
			for _, who := range several(s.(map[string]any)["Principal"].(map[string]any)["AWS"]) {
				trusted = append(trusted, plain(who))
			}
		}
	}
	slices.Sort(trusted)
	require.Equal(t, []string{"ApiRole.Arn", "FinalizeRole.Arn", "LoadRole.Arn", "PlanRole.Arn", "ReconcileRole.Arn", "ScheduleRole.Arn", "TaskRole.Arn"}, trusted)
	require.Subset(t, slices.Collect(maps.Keys(stack.Outputs)), []string{"CopyRoleArn", "WorkgroupName", "NamespaceName", "WarehouseHost", "WarehouseDatabase"})
	require.Subset(t, slices.Collect(maps.Keys(app.Outputs)), []string{"WarehouseRoleArn", "WarehouseUser"})

	for _, name := range []string{"aws", "closed"} {
		require.NotContains(t, sharedApp(t, name).stacks, "Warehouse", "it is asked for")
	}
}

// TestRolesAlone: for warehouses that are reached with a password there is the
// role of COPY, and nothing that could open others.
func TestRolesAlone(t *testing.T) {
	a := assembled(t, placeholders(t), t.TempDir(), map[string]string{"redshift": "roles"})
	require.Len(t, a.stacks["Warehouse"].of("AWS::IAM::Role"), 1)
	require.Len(t, a.stacks["Warehouse"].Resources, 1)
	require.Equal(t, permitted(t, sharedApp(t, "aws").stacks["App"]), permitted(t, a.stacks["App"]))
	for id, f := range a.stacks["App"].of("AWS::Lambda::Function") {
		env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		require.NotContains(t, env, "ETLPORTAL_WAREHOUSE_ROLE_ARN", id)
	}
}

func TestLastBlocks(t *testing.T) {
	for cidr, want := range map[string][]string{
		"10.40.0.0/16":   {"10.40.253.0/24", "10.40.254.0/24", "10.40.255.0/24"},
		"172.16.64.0/18": {"172.16.125.0/24", "172.16.126.0/24", "172.16.127.0/24"},
		"255.255.0.0/16": {"255.255.253.0/24", "255.255.254.0/24", "255.255.255.0/24"},
		"10.40.7.1/16":   {"10.40.253.0/24", "10.40.254.0/24", "10.40.255.0/24"},
		"10.40.0.0/20":   nil,
		"fd00::/16":      nil,
		"somewhere":      nil,
	} {
		got, err := lastBlocks(cidr)
		require.Equal(t, want, got, cidr)
		require.Equal(t, want == nil, err != nil, cidr)
	}
}

func TestWarehouseSettings(t *testing.T) {
	for want, context := range map[string]map[string]string{
		"redshift is":                          {"redshift": "cluster"},
		"redshift.warehouses goes with":        {"redshift.warehouses": "arn:aws:redshift:eu-central-1:111122223333:cluster:sales"},
		"without a star":                       {"redshift": "roles", "redshift.warehouses": "arn:aws:redshift:eu-central-1:111122223333:dbuser:sales/*"},
		`has "sales"; write the whole ARN`:     {"redshift": "roles", "redshift.warehouses": "sales"},
		"redshift is serverless, which is not": {"redshift": "serverless", "target": targetLocalStack},
		"redshift.base is 12":                  {"redshift": "serverless", "redshift.base": "12"},
		"redshift.max is 8":                    {"redshift": "serverless", "redshift.base": "16", "redshift.max": "8"},
		"redshift.database is":                 {"redshift": "serverless", "redshift.database": "Sales Figures"},
		"has no room for the warehouse":        {"redshift": "serverless", "cidr": "10.40.0.0/20"},
	} {
		app := newApp(jsii.String(t.TempDir()))
		for key, value := range context {
			app.Node().SetContext(jsii.String(key), value)
		}
		_, err := settingsOf(app.Node())
		require.ErrorContains(t, err, want)
	}
	// Without a way out, there is a door to each service that is called.
	for _, c := range []struct {
		want    string
		context map[string]string
	}{
		{"", nil},
		{"", map[string]string{"redshift": "roles"}},
		{"redshift-data,redshift-serverless,sts", map[string]string{"redshift": "serverless"}},
		{"redshift,redshift-data,sts", map[string]string{"redshift": "roles", "redshift.warehouses": "arn:aws:redshift:eu-central-1:111122223333:cluster:sales"}},
		{"redshift,redshift-data,sts", map[string]string{"redshift": "roles", "redshift.warehouses": "arn:aws:redshift:eu-central-1:111122223333:dbname:sales/shop"}},
	} {
		app := newApp(jsii.String(t.TempDir()))
		app.Node().SetContext(jsii.String("nat"), "0")
		app.Node().SetContext(jsii.String("users"), "none")
		for key, value := range c.context {
			app.Node().SetContext(jsii.String(key), value)
		}
		s, err := settingsOf(app.Node())
		require.NoError(t, err)
		more := slices.DeleteFunc(slices.Clone(s.Endpoints), func(name string) bool { return slices.Contains(closedEndpoints, name) })
		require.Equal(t, c.want, strings.Join(more, ","))
	}
}
