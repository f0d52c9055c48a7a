package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/local"
	"github.com/etlportal/etlportal/internal/portal"
)

const (
	warehouseName = "Local warehouse"
	warehouseUser = "warehouse"
	warehouseFile = "warehouse.json"
)

// warehouse is a database in the embedded PostgreSQL for those who have none.
// Its file is closed to other users.
type warehouse struct {
	Password string `json:"password"`
	// CredentialID is 0 until the credential is made; one that was deleted is
	// not made again.
	CredentialID int64 `json:"credential_id,omitempty"`
}

func readWarehouse(dataDir string) (warehouse, error) {
	var w warehouse
	text, err := os.ReadFile(filepath.Join(dataDir, warehouseFile))
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(text, &w); err != nil || w.Password == "" {
		return w, etl.Mistakef("warehouse_damaged", "Delete it; the database gets a new password at the next start.",
			"%s does not hold the local warehouse's password", filepath.Join(dataDir, warehouseFile))
	}
	return w, nil
}

func (w *warehouse) save(dataDir string) error {
	text, err := json.Marshal(w) //nolint:gosec // keeping the password in a file of the owner's alone is the purpose
	if err != nil {
		return err
	}
	path := filepath.Join(dataDir, warehouseFile)
	if err := os.WriteFile(path+".partial", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".partial", path)
}

// prepareWarehouse makes the database and its credential at the first start, and
// keeps the credential's port right afterwards.
func prepareWarehouse(ctx context.Context, dataDir string, server *local.Postgres, p *portal.Portal) error {
	w, err := readWarehouse(dataDir)
	if errors.Is(err, os.ErrNotExist) {
		w = warehouse{Password: rand.Text()}
		err = w.save(dataDir)
	}
	if err != nil {
		return err
	}
	if _, err := server.UserDatabase(ctx, warehouseUser, warehouseUser, w.Password); err != nil {
		return err
	}
	ctx = portal.WithCaller(ctx, portal.Caller{Principal: portal.Owner()})
	in := portal.CredentialInput{
		Name: warehouseName, Type: "postgresql", Host: "127.0.0.1", Port: server.Port, Database: warehouseUser, Username: warehouseUser,
		Password: &w.Password, SSLMode: "disable", MaxParallel: 4,
	}
	if w.CredentialID == 0 {
		id, err := findWarehouse(ctx, p)
		if err != nil {
			return err
		}
		if id == 0 {
			created, err := p.CreateCredential(ctx, in)
			if err != nil {
				return err
			}
			id = created.ID
		}
		w.CredentialID = id
		if err := w.save(dataDir); err != nil {
			return err
		}
	}
	c, err := p.Credential(ctx, w.CredentialID)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "not_found" {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Port == server.Port || c.Host != in.Host || c.Database != in.Database || c.Username != in.Username {
		return nil
	}
	in.Name, in.MaxParallel = c.Name, c.MaxParallel
	_, err = p.UpdateCredential(ctx, c.ID, 0, in)
	return err
}

// findWarehouse finds the credential of a start that died before it was noted.
func findWarehouse(ctx context.Context, p *portal.Portal) (int64, error) {
	list, err := p.Credentials(ctx, etl.Page{Limit: 1000})
	if err != nil {
		return 0, err
	}
	for i := range list.Items {
		if c := &list.Items[i]; c.Name == warehouseName {
			return c.ID, nil
		}
	}
	return 0, nil
}

func newWarehouse(s streams) *cobra.Command {
	var dataDir string
	cmd := &cobra.Command{
		Use:   "warehouse",
		Short: "Print the URL of the local warehouse, the database that comes with serve",
		Long: `Print the URL, with its password, of the database behind the credential "Local warehouse", for psql and other programs:

  psql "$(etlportal warehouse)"

The server must be running.`,
		Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			c, err := readBackend(withFlags(map[string]string{"ETLPORTAL_DATA_DIR": dataDir}))
			if err != nil {
				return err
			}
			w, err := readWarehouse(c.dataDir)
			port := local.LastPort(c.dataDir)
			if errors.Is(err, os.ErrNotExist) || err == nil && port == 0 {
				return etl.Mistakef("no_warehouse", "Start `etlportal serve` on it first; with DATABASE_URL set, there is none.", "there is no local warehouse in %s", c.dataDir)
			}
			if err != nil {
				return err
			}
			u := url.URL{
				Scheme: "postgres", User: url.UserPassword(warehouseUser, w.Password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
				Path: "/" + warehouseUser, RawQuery: "sslmode=disable",
			}
			_, err = fmt.Fprintln(s.out, u.String())
			return err
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "directory of the server's data (default $ETLPORTAL_DATA_DIR)")
	return cmd
}

// withFlags is the environment, with the flags that were given in front of it.
func withFlags(flags map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if v := flags[name]; v != "" {
			return v, true
		}
		return os.LookupEnv(name)
	}
}
