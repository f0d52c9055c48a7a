package aws_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

func openTasks(ctx context.Context, a aws.Account) *aws.Tasks {
	tasks, err := aws.NewTasks(ctx, aws.TasksConfig{
		Account: a, Cluster: "etl-cluster", TaskDefinition: "etl-finalize:3", Container: "portal", Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"},
	})
	if err != nil {
		panic(err)
	}
	return tasks
}

func TestTasks(t *testing.T) {
	s := newStandIn(t, 200, "", `{"tasks":[{"taskArn":"arn:aws:ecs:us-east-1:1:task/etl-cluster/1"}],"failures":[]}`)
	for range 2 {
		if err := openTasks(t.Context(), elsewhere(s.URL)).Finalize(t.Context(), 1<<60, 2); err != nil {
			t.Fatal(err)
		}
	}
	var tokens []any
	for _, text := range s.requests {
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, got["clientToken"])
		delete(got, "clientToken")
		want := map[string]any{
			"cluster": "etl-cluster", "taskDefinition": "etl-finalize:3", "launchType": "FARGATE", "count": 1.0, "startedBy": "etlportal-run-1152921504606846976",
			"networkConfiguration": map[string]any{"awsvpcConfiguration": map[string]any{
				"subnets": []any{"subnet-1", "subnet-2"}, "securityGroups": []any{"sg-1"}, "assignPublicIp": "DISABLED",
			}},
			"overrides": map[string]any{"containerOverrides": []any{map[string]any{
				"name": "portal", "command": []any{"finalize", "--run", "1152921504606846976", "--attempt", "2"},
			}}},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("asked for\n%s", text)
		}
	}
	// A task that died must not be what the next call gets for an answer.
	if len(tokens) != 2 || tokens[0] == nil || tokens[0] == tokens[1] {
		t.Errorf("tokens %v", tokens)
	}
}

func TestTasksRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   etl.Kind
		code   etl.Code
	}{
		"capacity":      {200, `{"tasks":[],"failures":[{"arn":"a","reason":"RESOURCE:MEMORY"}]}`, etl.Weather, "task_capacity"},
		"none at all":   {200, `{}`, etl.Weather, "task_capacity"},
		"missing":       {200, `{"tasks":[],"failures":[{"arn":"a","reason":"MISSING"}]}`, etl.Mistake, "task_refused"},
		"no cluster":    {400, `{"__type":"ClusterNotFoundException","message":"Cluster not found."}`, etl.Mistake, "task_refused"},
		"no definition": {400, `{"__type":"ClientException","message":"Unable to find task definition"}`, etl.Mistake, "task_refused"},
		"server":        {500, `{"__type":"ServerException"}`, etl.Weather, "task_unavailable"},
		"at the limit":  {400, `{"__type":"LimitExceededException","message":"You've reached the limit on the number of tasks you can run concurrently"}`, etl.Weather, "task_busy"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, c.status, "", c.body)
			is(t, openTasks(t.Context(), elsewhere(s.URL)).Finalize(t.Context(), 7, 1), c.kind, c.code)
		})
	}
	_, err := aws.NewTasks(t.Context(), aws.TasksConfig{Account: elsewhere("http://127.0.0.1:1"), Cluster: "c"})
	is(t, err, etl.Mistake, "no_task_settings")
	_, err = aws.NewScheduler(t.Context(), aws.SchedulerConfig{Account: elsewhere("http://127.0.0.1:1"), Group: "g"})
	is(t, err, etl.Mistake, "no_schedule_settings")
}
