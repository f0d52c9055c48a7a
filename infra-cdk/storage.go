package main

import (
	"net/http"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

const (
	abortUploadDays = 7
	oldVersionDays  = 7
	// stateDays is longer than any message waits, dead letters and all: what an
	// inspection or a plan kept for whoever goes on is then nobody's.
	stateDays     = queueDays + deadDays
	accessLogDays = 90
	corsSeconds   = 3600
)

// storage is what outlives the functions.
type storage struct {
	Uploads awss3.IBucket
	// DataKey encrypts objects, secrets and logs; SealKey the passwords of
	// customers' databases, so that reading a file does not open those.
	DataKey, SealKey awskms.IKey
	// logKey encrypts logs; nil where the target does not.
	logKey awskms.IKey
	// Database is nil where its address is a parameter.
	Database *database
}

// newStorage adds the keys and the bucket of uploads.
func newStorage(stack awscdk.Stack, s *Settings) *storage {
	data := newKey(stack, s, "DataKey", "data", "objects, secrets and logs of the ETL Portal")
	out := &storage{
		DataKey: data,
		SealKey: newKey(stack, s, "SealKey", "seal", "passwords of the databases that the ETL Portal loads into"),
	}
	props := &awss3.BucketProps{
		Versioned: jsii.Bool(true), Encryption: awss3.BucketEncryption_KMS, EncryptionKey: out.DataKey, BucketKeyEnabled: jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2),
		ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED, RemovalPolicy: keep(s),
		Cors: uploadCORS(s),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: jsii.String("leftovers"), Enabled: jsii.Bool(true),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(abortUploadDays)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(oldVersionDays)),
			ExpiredObjectDeleteMarker:           jsii.Bool(true),
		}, state("inspections/"), state("runs/"), staged()},
	}
	if s.LocalStack() {
		// It serves plain HTTP.
		props.EnforceSSL, props.MinimumTLSVersion = nil, nil
	} else {
		allowLogs(stack, data)
		allowAlarms(stack, data)
		out.logKey = data
		props.ServerAccessLogsBucket = newLogBucket(stack, s, "UploadsLog", awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED)
		props.ServerAccessLogsPrefix = jsii.String("uploads/")
	}
	out.Uploads = awss3.NewBucket(stack, jsii.String("Uploads"), props)
	output(stack, "BucketName", "bucket of the uploads", out.Uploads.BucketName())
	output(stack, "SealKeyId", "key of the customers' passwords", out.SealKey.KeyId())
	return out
}

// state ends what a step that was given up has left below the prefix.
func state(prefix string) *awss3.LifecycleRule {
	return &awss3.LifecycleRule{
		Id: jsii.String(strings.TrimSuffix(prefix, "/")), Enabled: jsii.Bool(true), Prefix: jsii.String(prefix), Expiration: awscdk.Duration_Days(jsii.Number(stateDays)),
	}
}

// staged ends the parts of loads into Redshift, which were copied long since.
func staged() *awss3.LifecycleRule {
	rule := state(stagedPrefix)
	rule.NoncurrentVersionExpiration = awscdk.Duration_Days(jsii.Number(1))
	return rule
}

// uploadCORS lets the portal's pages send parts and read the ETags of what they
// sent. Without a known page no browser may.
func uploadCORS(s *Settings) *[]*awss3.CorsRule {
	origins := s.UIOrigins()
	if len(origins) == 0 {
		return nil
	}
	return &[]*awss3.CorsRule{{
		AllowedOrigins: texts(origins...), AllowedMethods: &[]awss3.HttpMethods{http.MethodPut}, AllowedHeaders: texts("*"),
		ExposedHeaders: texts("ETag"), MaxAge: jsii.Number(corsSeconds),
	}}
}

// newLogBucket takes access logs, which S3 and CloudFront cannot write under a
// key of ours.
func newLogBucket(stack awscdk.Stack, s *Settings, id string, ownership awss3.ObjectOwnership) awss3.Bucket {
	return awss3.NewBucket(stack, jsii.String(id), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_S3_MANAGED, ObjectOwnership: ownership, BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2), RemovalPolicy: keep(s),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: jsii.String("old"), Enabled: jsii.Bool(true), Expiration: awscdk.Duration_Days(jsii.Number(accessLogDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(abortUploadDays)),
		}},
	})
}

// allowAlarms lets CloudWatch's alarms send to topics that the key encrypts.
func allowAlarms(stack awscdk.Stack, key awskms.Key) {
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("Alarms"), Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions: texts("kms:Decrypt", "kms:GenerateDataKey"), Resources: texts("*"),
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
	}), nil)
}

func newKey(stack awscdk.Stack, s *Settings, id, alias, about string) awskms.Key {
	return awskms.NewKey(stack, jsii.String(id), &awskms.KeyProps{
		Description: jsii.String(about), Alias: jsii.String("alias/" + s.Name + "-" + alias), EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy: keep(s),
	})
}

// keep is what happens to data whose stack is deleted.
func keep(s *Settings) awscdk.RemovalPolicy {
	if s.LocalStack() {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}
