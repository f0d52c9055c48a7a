package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// packed is when every file in an archive says it was changed: the same
// bootstrap then gives the same archive, and a deployment without changes
// uploads nothing.
var packed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// caFile is the name of RDS's certificates beside the bootstrap; Lambda unpacks
// both into codeFolder.
const caFile, codeFolder = "rds-ca.pem", "/var/task"

// functionNames are the binaries; the stream's function runs the API's.
var functionNames = []string{functionAPI, "inspect", "plan", "load", "finalize", "schedule", "reconcile"}

// bundles zips each function's bootstrap beside its folder, with the bit that
// lets it run, and returns them as code by function name.
func bundles(s *Settings) (map[string]awslambda.Code, error) {
	extra := map[string]string{}
	if s.CA != "" {
		extra[caFile] = s.CA
	}
	made := map[string]awslambda.Code{}
	for _, name := range functionNames {
		file := filepath.Join(s.Functions, name, "bootstrap")
		archive := filepath.Join(s.Functions, name+".zip")
		if err := bundle(file, archive, extra); err != nil {
			return nil, fmt.Errorf("function %s: %w; run `make functions` first", name, err)
		}
		made[name] = awslambda.Code_FromAsset(jsii.String(archive), nil)
	}
	return made, nil
}

// bundle packs the bootstrap, and the files of extra by their names in the archive.
func bundle(file, archive string, extra map[string]string) error {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	// Speed matters more than the last percent: stripped Go binaries barely shrink further.
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.DefaultCompression) })
	err := pack(w, "bootstrap", file, 0o755)
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		err = errors.Join(err, pack(w, name, extra[name], 0o644))
	}
	if err := errors.Join(err, w.Close()); err != nil {
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

// pack adds a file to the archive.
func pack(w *zip.Writer, name, file string, mode os.FileMode) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: packed}
	header.SetMode(mode)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = entry.Write(content)
	return err
}

// readCA wants a file that holds certificates and nothing else.
func readCA(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	found := 0
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("%s has a %s, which is no certificate", file, block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("%s: certificate %d: %w", file, found+1, err)
		}
		found++
	}
	if found == 0 {
		return fmt.Errorf("%s has no certificate", file)
	}
	return nil
}
