package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
)

const (
	databaseName = "etlportal"
	backupDays   = 14
	rotationDays = 30
	pauseMinutes = 5
)

// database is the portal's own PostgreSQL.
type database struct {
	Cluster awsrds.DatabaseCluster
	// Secret has username, password, host, port and dbname.
	Secret awssecretsmanager.ISecret
}

// newDatabase adds Aurora Serverless v2. There is no proxy before it: that
// would keep a pausing database awake, and the functions hold four connections each.
func newDatabase(stack awscdk.Stack, s *Settings, n *network, store *storage) *database {
	instance := &awsrds.ServerlessV2ClusterInstanceProps{
		AutoMinorVersionUpgrade: jsii.Bool(true), PubliclyAccessible: jsii.Bool(false), CaCertificate: awsrds.CaCertificate_RDS_CA_RSA2048_G1(),
	}
	readers := []awsrds.IClusterInstance{}
	for i := range s.Readers {
		reader := *instance
		// The first takes over when the writer fails, and so is as large.
		reader.ScaleWithWriter = jsii.Bool(i == 0)
		readers = append(readers, awsrds.ClusterInstance_ServerlessV2(jsii.String("Reader"+string(rune('1'+i))), &reader))
	}
	engine := awsrds.DatabaseClusterEngine_AuroraPostgres(&awsrds.AuroraPostgresClusterEngineProps{Version: awsrds.AuroraPostgresEngineVersion_VER_17_5()})
	// As an import, so that the rotation adds no rule that the network has already.
	group := awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("DatabaseGroup"), n.Database.SecurityGroupId(), &awsec2.SecurityGroupImportOptions{Mutable: jsii.Bool(false)})
	props := &awsrds.DatabaseClusterProps{
		Engine: engine, Writer: awsrds.ClusterInstance_ServerlessV2(jsii.String("Writer"), instance), Readers: &readers,
		ServerlessV2MinCapacity: jsii.Number(s.MinACU), ServerlessV2MaxCapacity: jsii.Number(s.MaxACU),
		DefaultDatabaseName: jsii.String(databaseName),
		Credentials:         awsrds.Credentials_FromGeneratedSecret(jsii.String(databaseName), &awsrds.CredentialsBaseOptions{EncryptionKey: store.DataKey}),
		Vpc:                 n.VPC, VpcSubnets: &awsec2.SubnetSelection{SubnetGroupName: jsii.String(databaseSubnets)}, SecurityGroups: &[]awsec2.ISecurityGroup{group},
		StorageEncrypted: jsii.Bool(true), StorageEncryptionKey: store.DataKey, IamAuthentication: jsii.Bool(true), CopyTagsToSnapshot: jsii.Bool(true),
		DeletionProtection: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN, DeleteAutomatedBackups: jsii.Bool(false),
		Backup: &awsrds.BackupProps{Retention: awscdk.Duration_Days(jsii.Number(backupDays))},
		Parameters: &map[string]*string{
			"rds.force_ssl": jsii.String("1"),
			// A function that was frozen in a transaction must not hold its locks for long.
			"idle_in_transaction_session_timeout": jsii.String("60000"),
		},
	}
	if s.MinACU == 0 {
		props.ServerlessV2AutoPauseDuration = awscdk.Duration_Minutes(jsii.Number(pauseMinutes))
	}
	cluster := awsrds.NewDatabaseCluster(stack, jsii.String("Database"), props)
	cluster.AddRotationSingleUser(&awsrds.RotationSingleUserOptions{
		AutomaticallyAfter: awscdk.Duration_Days(jsii.Number(rotationDays)), VpcSubnets: n.FunctionSubnets(), SecurityGroup: n.Functions,
		RotateImmediatelyOnUpdate: jsii.Bool(false), ExcludeCharacters: jsii.String(" %+~`#$&*()|[]{}:;<>?!'/@\"\\^,="),
	})
	return &database{Cluster: cluster, Secret: cluster.Secret()}
}
