package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsredshiftserverless"
	"github.com/aws/jsii-runtime-go"
)

// The choices of redshift.
const (
	redshiftNone       = "none"
	redshiftRoles      = "roles"
	redshiftServerless = "serverless"
)

const (
	// stagedPrefix is where files are put for COPY, in every bucket.
	stagedPrefix = "redshift/"
	redshiftPort = 5439
	// warehouseZones is what a workgroup must span.
	warehouseZones    = 3
	warehouseMask     = 24
	warehouseAdmin    = "administrator"
	partWarehouse     = "Warehouse"
	mostRPU, leastRPU = 1024, 4
)

// warehouse is what loads into Amazon Redshift need beside the functions.
type warehouse struct {
	// Copy is the role by which COPY reads the staged files.
	Copy awsiam.Role
	// Workgroup is the ARN of the stack's own; nil without one.
	Workgroup *string
}

// newWarehouse adds the role of COPY and, where it is asked for, a warehouse of
// the portal's own. The network is nil on LocalStack.
func newWarehouse(stack awscdk.Stack, s *Settings, n *network, store *storage) *warehouse {
	w := &warehouse{Copy: copyRole(stack, s, store)}
	output(stack, "CopyRoleArn", "role of COPY: a credential's copy_role_arn", w.Copy.RoleArn())
	if s.Redshift != redshiftServerless {
		return w
	}
	namespace := awsredshiftserverless.NewCfnNamespace(stack, jsii.String("Namespace"), &awsredshiftserverless.CfnNamespaceProps{
		NamespaceName: s.Called("warehouse"), DbName: jsii.String(s.RedshiftDatabase), AdminUsername: jsii.String(warehouseAdmin),
		ManageAdminPassword: jsii.Bool(true), AdminPasswordSecretKmsKeyId: store.DataKey.KeyArn(), KmsKeyId: store.DataKey.KeyArn(),
		IamRoles: &[]any{w.Copy.RoleArn()}, DefaultIamRoleArn: w.Copy.RoleArn(), LogExports: texts("userlog", "connectionlog", "useractivitylog"),
	})
	namespace.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	group := awsec2.NewSecurityGroup(stack, jsii.String("WarehouseGroup"), &awsec2.SecurityGroupProps{
		Vpc: n.VPC, Description: jsii.String("warehouse of the ETL Portal"), AllowAllOutbound: jsii.Bool(false),
	})
	group.AddIngressRule(n.Functions, awsec2.Port_Tcp(jsii.Number(redshiftPort)), jsii.String("functions and tasks"), nil)
	group.AddEgressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_Tcp(jsii.Number(443)), jsii.String("S3, which is all that its subnets lead to"), nil)
	props := &awsredshiftserverless.CfnWorkgroupProps{
		WorkgroupName: s.Called("warehouse"), NamespaceName: namespace.NamespaceName(), BaseCapacity: jsii.Number(s.RedshiftBase), Port: jsii.Number(redshiftPort),
		PubliclyAccessible: jsii.Bool(false), EnhancedVpcRouting: jsii.Bool(true), SubnetIds: warehouseSubnets(stack, s, n), SecurityGroupIds: &[]any{group.SecurityGroupId()},
		ConfigParameters: []any{
			parameter("require_ssl", "true"), parameter("enable_user_activity_logging", "true"),
		},
	}
	if s.RedshiftMax > 0 {
		props.MaxCapacity = jsii.Number(s.RedshiftMax)
	}
	workgroup := awsredshiftserverless.NewCfnWorkgroup(stack, jsii.String("Workgroup"), props)
	workgroup.AddResourceDependency(namespace, nil)
	w.Workgroup = workgroup.AttrWorkgroupWorkgroupArn()
	output(stack, "WorkgroupName", "a credential's workgroup", workgroup.WorkgroupName())
	output(stack, "NamespaceName", "the warehouse's namespace, whose administrator's password Redshift keeps in Secrets Manager", namespace.NamespaceName())
	output(stack, "WarehouseHost", "a credential's host, from within the VPC", workgroup.AttrWorkgroupEndpointAddress())
	output(stack, "WarehouseDatabase", "a credential's database", jsii.String(s.RedshiftDatabase))
	return w
}

func parameter(key, value string) *awsredshiftserverless.CfnWorkgroup_ConfigParameterProperty {
	return &awsredshiftserverless.CfnWorkgroup_ConfigParameterProperty{ParameterKey: jsii.String(key), ParameterValue: jsii.String(value)}
}

// copyRole may read what is staged, and nothing else.
func copyRole(stack awscdk.Stack, s *Settings, store *storage) awsiam.Role {
	objects, buckets := []*string{store.Uploads.ArnForObjects(jsii.String(stagedPrefix + "*"))}, []*string{store.Uploads.BucketArn()}
	keys, through := []*string{store.DataKey.KeyArn()}, []*string{throughS3(stack.Region())}
	for _, arn := range s.Warehouses.of("s3") {
		objects, buckets = append(objects, jsii.String(arn+"/"+stagedPrefix+"*")), append(buckets, jsii.String(arn))
	}
	for _, arn := range s.Warehouses.of("kms") {
		keys, through = append(keys, jsii.String(arn)), append(through, throughS3(jsii.String(strings.Split(arn, ":")[3])))
	}
	decrypt := statement("StagedKey", keys, "kms:Decrypt")
	decrypt.AddCondition(jsii.String("StringEquals"), &map[string]any{"kms:ViaService": through})
	return awsiam.NewRole(stack, jsii.String("CopyRole"), &awsiam.RoleProps{
		Description: jsii.String("COPY of Amazon Redshift from what the ETL Portal has staged"),
		AssumedBy: awsiam.NewCompositePrincipal(
			awsiam.NewServicePrincipal(jsii.String("redshift.amazonaws.com"), nil), awsiam.NewServicePrincipal(jsii.String("redshift-serverless.amazonaws.com"), nil)),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"copy": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			statement("Staged", objects, "s3:GetObject"),
			statement("Buckets", buckets, "s3:ListBucket", "s3:GetBucketLocation"),
			decrypt,
		}})},
	})
}

// throughS3 is how a key knows that S3 asks, for whoever reads an object.
func throughS3(region *string) *string {
	return awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("s3."), region, jsii.String(".amazonaws.com")})
}

// warehouseSubnets are three at the end of the VPC's addresses, in as many zones,
// which the VPC's own two groups do not span. They lead to S3 and nowhere else.
func warehouseSubnets(stack awscdk.Stack, s *Settings, n *network) *[]any {
	table := awsec2.NewCfnRouteTable(stack, jsii.String("WarehouseRoutes"), &awsec2.CfnRouteTableProps{VpcId: n.VPC.VpcId()})
	awsec2.NewCfnVPCEndpoint(stack, jsii.String("WarehouseS3"), &awsec2.CfnVPCEndpointProps{
		VpcId: n.VPC.VpcId(), VpcEndpointType: jsii.String("Gateway"), RouteTableIds: &[]any{table.AttrRouteTableId()},
		ServiceName: awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("com.amazonaws."), stack.Region(), jsii.String(".s3")}),
	})
	blocks, _ := lastBlocks(s.CIDR)
	all := awscdk.Fn_GetAzs(jsii.String(""))
	var ids []any
	for i, block := range blocks {
		subnet := awsec2.NewCfnSubnet(stack, jsii.String(fmt.Sprintf("WarehouseSubnet%d", i+1)), &awsec2.CfnSubnetProps{
			VpcId: n.VPC.VpcId(), CidrBlock: jsii.String(block), AvailabilityZone: awscdk.Fn_Select(jsii.Number(i), all), MapPublicIpOnLaunch: jsii.Bool(false),
		})
		awsec2.NewCfnSubnetRouteTableAssociation(stack, jsii.String(fmt.Sprintf("WarehouseRoute%d", i+1)), &awsec2.CfnSubnetRouteTableAssociationProps{
			RouteTableId: table.AttrRouteTableId(), SubnetId: subnet.AttrSubnetId(),
		})
		ids = append(ids, subnet.AttrSubnetId())
	}
	return &ids
}

// lastBlocks are the last three blocks of 256 addresses; the VPC's own subnets
// are dealt out from the first address on.
func lastBlocks(cidr string) ([]string, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !p.Addr().Is4() || p.Bits() > warehouseMask-6 {
		return nil, fmt.Errorf("%q is no block of at least /%d for them", cidr, warehouseMask-6)
	}
	first := p.Masked().Addr().As4()
	end := uint64(binary.BigEndian.Uint32(first[:])) + 1<<(32-p.Bits())
	var blocks []string
	for i := warehouseZones; i > 0; i-- {
		var at [4]byte
		binary.BigEndian.PutUint32(at[:], uint32(end-uint64(i)<<(32-warehouseMask)))
		blocks = append(blocks, netip.PrefixFrom(netip.AddrFrom4(at), warehouseMask).String())
	}
	return blocks, nil
}

// arns are those of warehouses that are there already, with what belongs to them.
type arns []string

// arnForms are the ARNs that may be given, by the first word of what they are for.
var arnForms = map[string]*regexp.Regexp{
	"workgroup": regexp.MustCompile(`^arn:aws[a-z-]*:redshift-serverless:[a-z0-9-]+:\d{12}:workgroup/[a-z0-9-]+$`),
	"cluster":   regexp.MustCompile(`^arn:aws[a-z-]*:redshift:[a-z0-9-]+:\d{12}:cluster:[a-z0-9-]+$`),
	"dbuser":    regexp.MustCompile(`^arn:aws[a-z-]*:redshift:[a-z0-9-]+:\d{12}:dbuser:[a-z0-9-]+/[^*/,\s]+$`),
	"dbname":    regexp.MustCompile(`^arn:aws[a-z-]*:redshift:[a-z0-9-]+:\d{12}:dbname:[a-z0-9-]+/[^*/,\s]+$`),
	"secret":    regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[^*,\s]+-[A-Za-z0-9]{6}$`),
	"kms":       regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[a-z0-9-]+$`),
	"s3":        regexp.MustCompile(`^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`),
}

// of are the ARNs of some forms.
func (a arns) of(forms ...string) (list []string) {
	for _, form := range forms {
		for _, arn := range a {
			if arnForms[form].MatchString(arn) {
				list = append(list, arn)
			}
		}
	}
	return list
}

// check says what is no ARN of any form.
func (a arns) check(c *context) {
	for _, arn := range a {
		known := false
		for _, form := range arnForms {
			known = known || form.MatchString(arn)
		}
		if !known {
			c.complain("redshift.warehouses", "has %q; write the whole ARN, without a star, of a workgroup, cluster, dbuser, dbname, secret, key or bucket", arn)
		}
	}
}

// checkRedshift compares the settings of warehouses with each other.
func (s *Settings) checkRedshift(c *context) {
	s.Warehouses.check(c)
	if s.Redshift == redshiftNone && len(s.Warehouses) > 0 {
		c.complain("redshift.warehouses", "goes with redshift=roles or redshift=serverless")
	}
	if s.Redshift != redshiftServerless {
		return
	}
	if s.LocalStack() {
		c.complain("redshift", "is serverless, which is not on LocalStack; write redshift=roles")
	}
	if !databaseForm.MatchString(s.RedshiftDatabase) {
		c.complain("redshift.database", "is %q; use up to 64 lower-case letters, digits and underscores, a letter first", s.RedshiftDatabase)
	}
	if b := s.RedshiftBase; b != leastRPU && b != mostRPU && (b%8 != 0 || b > 512) {
		c.complain("redshift.base", "is %d; write 4, 8 to 512 in steps of 8, or 1024", b)
	}
	if m := s.RedshiftMax; m != 0 && (m < s.RedshiftBase || m%8 != 0) {
		c.complain("redshift.max", "is %d; write 0 (unbounded), or a multiple of 8 from redshift.base, which is %d", m, s.RedshiftBase)
	}
	if _, err := lastBlocks(s.CIDR); err != nil {
		c.complain("cidr", "has no room for the warehouse's three subnets: %v", err)
	}
}

// redshiftEndpoints are the services that loads into Redshift call: none where
// warehouses are reached with a password alone.
func (s *Settings) redshiftEndpoints() []string {
	if !s.opensWarehouses() {
		return nil
	}
	names := []string{"redshift-data", "sts"}
	if len(s.Warehouses.of("cluster", "dbuser", "dbname")) > 0 {
		names = append(names, "redshift")
	}
	if s.Redshift == redshiftServerless || len(s.Warehouses.of("workgroup")) > 0 {
		names = append(names, "redshift-serverless")
	}
	slices.Sort(names)
	return names
}

// opensWarehouses says whether there is anything to be opened as a role.
func (s *Settings) opensWarehouses() bool {
	return s.Redshift == redshiftServerless || s.Redshift == redshiftRoles && len(s.Warehouses) > 0
}

// warehouseRoleName is known before the role is made: its trust names the roles
// of the functions, whose policies name it. It is one of the account, and so
// tells regions apart.
func (p *portal) warehouseRoleName() *string {
	return awscdk.Fn_Join(jsii.String("-"), &[]*string{p.s.Called("warehouse"), p.stack.Region()})
}

func (p *portal) warehouseRoleARN() *string {
	return p.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("iam"), Region: jsii.String(""), Resource: jsii.String("role"), ResourceName: p.warehouseRoleName()})
}

// warehouseRole is assumed by everything that opens customers' databases. Redshift
// takes each role for a user of its own, and what one function makes there another
// has to write to.
func (p *portal) warehouseRole() {
	if !p.s.opensWarehouses() {
		return
	}
	var trusted []awsiam.IPrincipal
	for _, role := range p.openers {
		trusted = append(trusted, awsiam.NewArnPrincipal(role.RoleArn()))
	}
	statements := p.warehouseStatements()
	awsiam.NewRole(p.stack, jsii.String("WarehouseRole"), &awsiam.RoleProps{
		RoleName: p.warehouseRoleName(), Description: jsii.String("loads of the ETL Portal into Amazon Redshift"), AssumedBy: awsiam.NewCompositePrincipal(trusted...),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"warehouse": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})},
	})
	output(p.stack, "WarehouseRoleArn", "role that opens warehouses", p.warehouseRoleARN())
	output(p.stack, "WarehouseUser", "the user that Redshift takes the role for: GRANT to it what loads need", awscdk.Fn_Join(jsii.String(":"), &[]*string{jsii.String("IAMR"), p.warehouseRoleName()}))
}

// warehouseStatements are what the role may do with which warehouse.
func (p *portal) warehouseStatements() []awsiam.PolicyStatement {
	given := func(forms ...string) []*string { return *texts(p.s.Warehouses.of(forms...)...) }
	workgroups := given("workgroup")
	if p.Warehouse.Workgroup != nil {
		workgroups = append(workgroups, p.Warehouse.Workgroup)
	}
	var all []awsiam.PolicyStatement
	add := func(sid string, resources []*string, actions ...string) {
		if len(resources) > 0 {
			all = append(all, statement(sid, resources, actions...))
		}
	}
	add("DataApi", append(slices.Clone(workgroups), given("cluster")...), "redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement")
	// Statements have no ARN; each is whose role session began it.
	all = append(all, awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("Statements"), Resources: texts("*"), Actions: texts("redshift-data:DescribeStatement", "redshift-data:GetStatementResult", "redshift-data:CancelStatement"),
		Conditions: &map[string]any{"StringEquals": map[string]any{"redshift-data:statement-owner-iam-userid": "${aws:userid}"}},
	}))
	add("Workgroups", workgroups, "redshift-serverless:GetCredentials")
	add("Clusters", given("dbuser", "dbname"), "redshift:GetClusterCredentials")
	add("ClusterRoles", given("dbname"), "redshift:GetClusterCredentialsWithIAM")
	add("Secrets", given("secret"), "secretsmanager:GetSecretValue")
	if buckets := p.s.Warehouses.of("s3"); len(buckets) > 0 {
		var objects []*string
		for _, arn := range buckets {
			objects = append(objects, jsii.String(arn+"/"+stagedPrefix+"*"))
		}
		add("Staged", objects, "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject")
		add("Buckets", given("s3"), "s3:ListBucket")
		add("Keys", given("kms"), "kms:Decrypt", dataKeyAction)
	} else {
		add("Keys", given("kms"), "kms:Decrypt")
	}
	return all
}
