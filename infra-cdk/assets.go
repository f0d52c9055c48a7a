package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// packed is when every file in an archive says it was changed: the same
// bootstrap then gives the same archive, and a deployment without changes
// uploads nothing.
var packed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// functionNames are the binaries; the stream's function runs the API's.
var functionNames = []string{functionAPI, "inspect", "plan", "load", "finalize", "schedule", "reconcile"}

// bundles zips each function's bootstrap beside its folder, with the bit that
// lets it run, and returns them as code by function name.
func bundles(s *Settings) (map[string]awslambda.Code, error) {
	made := map[string]awslambda.Code{}
	for _, name := range functionNames {
		file := filepath.Join(s.Functions, name, "bootstrap")
		archive := filepath.Join(s.Functions, name+".zip")
		if err := bundle(file, archive); err != nil {
			return nil, fmt.Errorf("function %s: %w; run `make functions` first", name, err)
		}
		made[name] = awslambda.Code_FromAsset(jsii.String(archive), nil)
	}
	return made, nil
}

func bundle(file, archive string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	// Speed matters more than the last percent: stripped Go binaries barely shrink further.
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.DefaultCompression) })
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: packed}
	header.SetMode(0o755)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := entry.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if old, err := os.ReadFile(archive); err == nil && bytes.Equal(old, out.Bytes()) {
		return nil
	}
	// Whole or not at all: another deployment may be reading it.
	part, err := os.CreateTemp(filepath.Dir(archive), filepath.Base(archive)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(part.Name()) }()
	_, err = part.Write(out.Bytes())
	if err := errors.Join(err, part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), archive)
}
