package aws

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/etlportal/etlportal/internal/etl"
)

// TasksConfig says what is started, and where.
type TasksConfig struct {
	Account

	// Cluster and TaskDefinition are names or ARNs, Container the container whose
	// entry point is etlportal.
	Cluster, TaskDefinition, Container string
	// Subnets and SecurityGroups are ids. The subnets must reach the databases
	// and AWS's services; the task gets no public address.
	Subnets, SecurityGroups []string
}

// Tasks is an etl.Tasks on Fargate.
type Tasks struct {
	client *ecs.Client
	config TasksConfig
}

var _ etl.Tasks = (*Tasks)(nil)

// NewTasks makes the adapter; it does not call AWS yet.
func NewTasks(ctx context.Context, c TasksConfig) (*Tasks, error) {
	names := missing(map[string]string{
		"the cluster (ETLPORTAL_TASK_CLUSTER)": c.Cluster, "the task definition (ETLPORTAL_TASK_DEFINITION)": c.TaskDefinition,
		"the container": c.Container, "the subnets (ETLPORTAL_TASK_SUBNETS)": strings.Join(c.Subnets, ""),
	})
	if len(names) > 0 {
		return nil, etl.Mistakef("no_task_settings", "Set them.", "long publishes need %s", strings.Join(names, ", "))
	}
	loaded, err := c.load(ctx, "the ECS cluster "+c.Cluster)
	if err != nil {
		return nil, err
	}
	return &Tasks{client: ecs.NewFromConfig(loaded), config: c}, nil
}

// Finalize implements etl.Tasks.
func (t *Tasks) Finalize(ctx context.Context, runID int64, attempt int) error {
	run := strconv.FormatInt(runID, 10)
	out, err := t.client.RunTask(ctx, &ecs.RunTaskInput{
		Cluster: &t.config.Cluster, TaskDefinition: &t.config.TaskDefinition, LaunchType: types.LaunchTypeFargate, Count: aws.Int32(1),
		// Shown in the console beside the task, and to find it by.
		StartedBy: aws.String("etlportal-run-" + run),
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: t.config.Subnets, SecurityGroups: t.config.SecurityGroups, AssignPublicIp: types.AssignPublicIpDisabled,
		}},
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{
			Name: &t.config.Container, Command: []string{"finalize", "--run", run, "--attempt", strconv.Itoa(attempt)},
		}}},
	})
	if err != nil {
		return t.fault(run, err)
	}
	if len(out.Failures) > 0 || len(out.Tasks) == 0 {
		return t.refused(run, out.Failures)
	}
	return nil
}

// refused explains an answer without a task.
func (t *Tasks) refused(run string, failures []types.Failure) error {
	reasons := make([]string, 0, len(failures))
	kind, code, fix := etl.Weather, etl.Code("task_capacity"), "Wait for capacity; it is tried again."
	for _, f := range failures {
		reason := aws.ToString(f.Reason)
		reasons = append(reasons, strings.TrimSpace(reason+" "+aws.ToString(f.Detail)))
		if reason == "MISSING" || reason == "INACTIVE" || reason == "ATTRIBUTE" {
			kind, code, fix = etl.Mistake, "task_refused", "Correct the cluster and the task definition."
		}
	}
	return &etl.Error{
		Kind: kind, Code: code, Fix: fix,
		Message: fmt.Sprintf("the cluster %s starts no task for run %s: %s", t.config.Cluster, run, strings.Join(reasons, "; ")),
	}
}

func (t *Tasks) fault(run string, err error) error {
	what := fmt.Sprintf("start a task for run %s in the cluster %s", run, t.config.Cluster)
	if hasCode(err, "ClusterNotFoundException", "PlatformUnknownException", "PlatformTaskDefinitionIncompatibilityException") {
		return &etl.Error{
			Kind: etl.Mistake, Code: "task_refused", Err: err,
			Message: "cannot " + what + ": " + short(err), Fix: "Correct ETLPORTAL_TASK_CLUSTER and ETLPORTAL_TASK_DEFINITION.",
		}
	}
	return fault(request{
		prefix: "task", what: what, action: "ecs:RunTask (and iam:PassRole on its roles)", resource: t.config.TaskDefinition, look: "ECS",
	}, err)
}
