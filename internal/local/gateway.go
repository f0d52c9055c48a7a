package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// gatewayName is the program name that makes this program the object store.
// versitygw changes the working directory and keeps state in globals, so it
// gets a process of its own: this very program, started again.
const gatewayName = "etlportal-objects"

// The files that the parent hands over.
const (
	gatewayLock  = 3 + iota // the directory's lock, kept for as long as we live
	gatewayReady            // closed after a byte once we listen
)

const (
	objectsDir  = "objects"
	metadataDir = "metadata"
	// gatewayDrain is how long requests under way may go on after a stop.
	gatewayDrain = 3 * time.Second
)

// gatewayConfig comes as a line of JSON on standard input, whose end then means
// that the parent is gone or wants us to stop.
type gatewayConfig struct {
	Dir       string `json:"dir"`
	Port      int    `json:"port"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	// Temporary has the directory removed at the end.
	Temporary bool `json:"temporary"`
}

//nolint:gochecknoinits // before main, because any program that starts an object store, tests included, must be able to be one
func init() {
	if len(os.Args) == 0 || os.Args[0] != gatewayName {
		return
	}
	if err := gateway(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is the child's main
	}
	os.Exit(0) //nolint:forbidigo // as above
}

// gateway serves until its input ends.
func gateway(in io.Reader) error {
	input := bufio.NewReader(in)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	var config gatewayConfig
	if err := json.Unmarshal(line, &config); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	ready := os.NewFile(gatewayReady, "ready")
	defer func() { _ = ready.Close() }()
	// Named so that it is not closed by a finalizer.
	lock := os.NewFile(gatewayLock, "lock")
	defer func() { _ = lock.Close() }()

	sidecar, err := meta.NewSideCar(filepath.Join(config.Dir, metadataDir))
	if err != nil {
		return err
	}
	options := posix.PosixOpts{}
	options.SetNewDirPerm(0o700)
	options.SetNewFilePerm(0o600)
	backend, err := posix.New(filepath.Join(config.Dir, objectsDir), sidecar, options)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: config.AccessKey, RootUserSecret: config.SecretKey, Region: Region,
			Ports:          []string{fmt.Sprintf("127.0.0.1:%d", config.Port)},
			MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10000,
			KeepAlive: true, Quiet: true, DisableACLs: true,
			S3Options: []s3api.Option{s3api.WithOnListen(func() { _, _ = ready.Write([]byte{1}) })},
		})
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, input)
	}()
	select {
	case err := <-served:
		return err
	case <-ended:
	}
	// Objects appear by rename, so a request that is cut off leaves nothing
	// half-written; connections that are merely kept open must not delay the end.
	cancel()
	select {
	case err = <-served:
	case <-time.After(gatewayDrain):
	}
	if config.Temporary {
		err = errors.Join(err, os.RemoveAll(config.Dir))
	}
	return err
}
