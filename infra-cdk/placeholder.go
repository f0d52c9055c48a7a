package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
)

type network struct {
	VPC       awsec2.IVpc
	Functions awsec2.ISecurityGroup
}
type auth struct{}

func (a *auth) environment(map[string]*string) {}

type task struct{}

func (t *task) environment(map[string]*string)       {}
func (t *task) statements() []awsiam.PolicyStatement { return nil }

type database struct{ Secret awssecretsmanager.ISecret }

func endpointServices() map[string]bool { return nil }
func (s *storage) LogKey() awskms.IKey  { return nil }
