package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"

	awsadapters "github.com/etlportal/etlportal/internal/aws"
)

// intoRedshift loads through the deployed functions into the stand-in, over the
// Data API, by what the stack's outputs say: its bucket, the role of COPY, and
// the role that opens warehouses.
func (d *deployment) intoRedshift(t *testing.T) {
	c, server := d.admin(), d.redshift
	blobs, err := awsadapters.NewBlobs(t.Context(), awsadapters.BlobsConfig{
		Bucket: d.outputs["BucketName"], Region: d.Region, Endpoint: d.Endpoint, PathStyle: true, AccessKey: d.AccessKey, SecretKey: d.SecretKey,
	})
	require.NoError(t, err)
	server.Blobs, server.Bucket, server.Role = blobs, d.outputs["BucketName"], d.outputs["CopyRoleArn"]
	require.NotEmpty(t, server.Role)
	for _, name := range []string{"Api", "Plan", "Load", "Finalize", "Reconcile"} {
		f, err := d.functions.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(d.outputs[name+"FunctionName"])})
		require.NoError(t, err)
		require.Equal(t, d.outputs["WarehouseRoleArn"], f.Environment.Variables["ETLPORTAL_WAREHOUSE_ROLE_ARN"], name)
	}
	server.Exec("CREATE TABLE sales (id BIGINT NOT NULL, customer VARCHAR(40), amount NUMERIC(12,2), day DATE, note VARCHAR(2000), PRIMARY KEY (id))",
		"INSERT INTO sales (id, customer) VALUES (1, 'before')")

	credential := c.post(t, http.StatusCreated, "/credentials", map[string]any{
		"name": "redshift", "type": "redshift", "database": server.Database,
		"options": map[string]string{"access": "data_api", "workgroup": server.Workgroup, "region": d.Region, "copy_role_arn": server.Role},
	}).number(t, "id")
	tested := c.post(t, http.StatusOK, fmt.Sprintf("/credentials/%d/test", credential), nil)
	require.Equal(t, true, tested.body["ok"], tested.text)
	require.Contains(t, tested.text, `"copy_role"`)

	file := c.file(t, "warehouse.csv", rows(narrowRows, narrow))
	job := func(name string, more map[string]any) int64 {
		body := map[string]any{
			"name": name, "file_id": file, "credential_id": credential, "table": "sales", "load_strategy": "UPSERT", "upsert_keys": []string{"id"}, "batch_size": 1000,
		}
		maps.Copy(body, more)
		return c.post(t, http.StatusCreated, "/jobs", body).number(t, "id")
	}
	merged := job("into redshift", nil)
	// The Data API takes only so many requests a second, and refuses as if they were wrong.
	server.Throttle(2)
	run := c.execute(t, merged)
	again := func() {
		chunks := c.get(t, fmt.Sprintf("/job-runs/%d", run)).number(t, "chunks_total")
		d.send(t, "Plan", etl.Message{Topic: etl.TopicPlan, RunID: run, Attempt: 1})
		for chunk := range chunks {
			d.send(t, "Load", etl.Message{Topic: etl.TopicLoad, RunID: run, Chunk: int(chunk), Attempt: 1})
		}
		d.send(t, "Finalize", etl.Message{Topic: etl.TopicFinalize, RunID: run, Attempt: 1})
	}
	again()
	again()
	done, _ := c.follow(t, run)
	require.Equal(t, "COMPLETED", done["status"], done)
	assert.EqualValues(t, narrowRows, done["rows_loaded"], done)
	assert.EqualValues(t, narrowRows-1, done["rows_inserted"], done)
	assert.EqualValues(t, 1, done["rows_updated"], done)
	again()
	d.quiet(t)
	once := fmt.Sprintf("%d|%d|%d", narrowRows, narrowRows, narrowRows*(narrowRows+1)/2)
	const sums = "SELECT count(*), count(DISTINCT id), sum(id) FROM sales"
	server.Want(sums, once)
	server.Want("SELECT customer FROM sales WHERE id = 1", "Customer 0")
	server.Want("SELECT count(*) FROM etl_portal.loads", "1")
	server.Want("SELECT count(*) FROM etl_portal.stages", "0")
	staged, err := d.blobs.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &server.Bucket, Prefix: aws.String("redshift/")})
	require.NoError(t, err)
	require.NotEmpty(t, staged.Contents, "the bucket's rule ends what was staged")

	// What COPY refuses is found again in the parts, by the function that publishes.
	server.Refuses = func(column, value string) string {
		if column == "id" && value == "77" {
			return "Value out of range"
		}
		return ""
	}
	refused := job("refused by COPY", map[string]any{"on_bad_row": map[string]any{"mode": "skip"}})
	run = c.execute(t, refused)
	done, _ = c.follow(t, run)
	require.Equal(t, "COMPLETED", done["status"], done)
	assert.EqualValues(t, 1, done["rows_rejected"], done)
	rejects := c.get(t, fmt.Sprintf("/job-runs/%d/rejects?format=csv", run)).text
	assert.True(t, strings.Contains(rejects, "78,") && strings.Contains(rejects, "Value out of range"), rejects)
	server.Want(sums, once)
}
