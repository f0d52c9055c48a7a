//go:build !unix

package local

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

const (
	keeper    = ""
	supported = false
)

var errUnsupported = errors.New("not supported on this system")

func confine(*exec.Cmd) {}

func detach(*exec.Cmd) {}

func own(string) error { return nil }

func traversable(os.FileInfo) bool { return true }

func diskFull(error) bool { return false }

func acquire(context.Context, string) (*os.File, error) { return nil, errUnsupported }

func kill(int) error { return errUnsupported }
