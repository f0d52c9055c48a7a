package main

import (
	"log/slog"
	"regexp"

	"github.com/etlportal/etlportal/internal/airflow"
	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/etl"
)

// airflowConfig says which Airflow fires schedules and runs jobs; the zero value: none.
type airflowConfig struct {
	url, username, password string
	dagsDir, connection     string
}

// airflowSettings are the environment variables of airflowConfig.
func airflowSettings() []app.Setting {
	return []app.Setting{
		{Name: "ETLPORTAL_AIRFLOW_URL", Default: "no Airflow", Meaning: "URL of the Airflow (2.10 to 3.x) that fires schedules of engine airflow and runs jobs of orchestrator airflow"},
		{Name: "ETLPORTAL_AIRFLOW_USERNAME", Default: "", Meaning: "who signs in there, with the role User, Op or Admin"},
		{Name: "ETLPORTAL_AIRFLOW_PASSWORD", Default: "", Meaning: "the password of that user", Secret: true},
		{Name: "ETLPORTAL_AIRFLOW_DAGS_DIR", Default: "", Meaning: "Airflow's DAGs folder, as the portal can write to it"},
		{Name: "ETLPORTAL_AIRFLOW_CONNECTION", Default: airflow.DefaultConnection, Meaning: "the Airflow connection that leads back to this portal; portals that share an Airflow have one each"},
	}
}

// connectionName is what Airflow takes for the id of a connection, short enough for a tag.
var connectionName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,80}$`)

func readAirflow(env app.Environment) (airflowConfig, error) {
	r := app.NewReader(env)
	c := airflowConfig{
		url: r.Text("ETLPORTAL_AIRFLOW_URL", ""), username: r.Text("ETLPORTAL_AIRFLOW_USERNAME", ""), password: r.Text("ETLPORTAL_AIRFLOW_PASSWORD", ""),
		dagsDir: r.Text("ETLPORTAL_AIRFLOW_DAGS_DIR", ""), connection: r.Text("ETLPORTAL_AIRFLOW_CONNECTION", airflow.DefaultConnection),
	}
	if !connectionName.MatchString(c.connection) {
		r.Bad("ETLPORTAL_AIRFLOW_CONNECTION", "is not made of 1 to 80 letters, digits, dots, hyphens and underscores")
	}
	if c.url == "" && c.username == "" && c.password == "" && c.dagsDir == "" {
		return c, r.Err()
	}
	for name, value := range map[string]string{
		"ETLPORTAL_AIRFLOW_URL": c.url, "ETLPORTAL_AIRFLOW_USERNAME": c.username, "ETLPORTAL_AIRFLOW_PASSWORD": c.password, "ETLPORTAL_AIRFLOW_DAGS_DIR": c.dagsDir,
	} {
		if value == "" {
			r.Bad(name, "is missing, and the others of Airflow are set")
		}
	}
	return c, r.Err()
}

// orchestrator is the Airflow of the settings; nil where there is none. It is
// not called yet: the portal serves without it.
func (c *airflowConfig) orchestrator(log *slog.Logger) (etl.Orchestrator, error) {
	if c.url == "" {
		return nil, nil
	}
	server, err := airflow.NewServer(c.url, c.username, c.password)
	if err != nil {
		return nil, err
	}
	return airflow.New(airflow.Config{Files: airflow.NewFolder(c.dagsDir), REST: server, Connection: c.connection, Log: log}), nil
}
