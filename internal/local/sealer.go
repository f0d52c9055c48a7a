package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/etlportal/etlportal/internal/etl"
)

const keySize = 32

// SealerOptions say where the keys are.
type SealerOptions struct {
	// KeyFile holds a Tink keyset in JSON, readable by its owner alone. A
	// missing one is made, unless MustExist is set.
	KeyFile   string
	MustExist bool
	// Keys, where set, are used instead of a file: 32 bytes in base64 each
	// (`openssl rand -base64 32`), separated by commas. The first one seals, all
	// open; so a key is changed by putting a new one in front. This is ENCRYPTION_KEY.
	Keys string
}

// Sealer is an etl.Sealer with AES-256-GCM. A key version is Tink's key id in
// decimal, which every ciphertext begins with.
type Sealer struct {
	file string

	mu   sync.Mutex
	keys *keyring
	// stamp is the file's state when keys were read, to notice a rotation by another process.
	stamp fileStamp
}

var _ etl.Sealer = (*Sealer)(nil)

type fileStamp struct {
	modified time.Time
	size     int64
}

// keyring is a keyset ready for use.
type keyring struct {
	handle  *keyset.Handle
	aead    tink.AEAD
	primary uint32
	known   map[uint32]bool
}

// NewSealer reads the keys, or makes the first one. Neither errors nor logs
// ever hold a key.
func NewSealer(o SealerOptions) (*Sealer, error) {
	if o.Keys != "" {
		keys, err := parseKeys(o.Keys)
		if err != nil {
			return nil, err
		}
		return &Sealer{keys: keys}, nil
	}
	path, err := filepath.Abs(o.KeyFile)
	if err != nil {
		return nil, unwritable(o.KeyFile, err)
	}
	s := &Sealer{file: path}
	err = s.load()
	if errors.Is(err, os.ErrNotExist) && !o.MustExist {
		if err = makeKeyFile(path); err == nil {
			err = s.load()
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, etl.Mistakef("key_file_missing", "Restore it from the backup: without it the stored passwords cannot be read.", "the key file %s is missing", path)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Seal implements etl.Sealer.
func (s *Sealer) Seal(_ context.Context, plaintext []byte, owner string) (ciphertext []byte, keyVersion string, err error) {
	keys, err := s.current()
	if err != nil {
		return nil, "", err
	}
	ciphertext, err = keys.aead.Encrypt(plaintext, []byte(owner))
	if err != nil {
		return nil, "", &etl.Error{Kind: etl.Internal, Code: "seal_failed", Message: "a secret could not be encrypted", Err: err}
	}
	return ciphertext, version(keys.primary), nil
}

// Open implements etl.Sealer.
func (s *Sealer) Open(_ context.Context, ciphertext []byte, owner string) ([]byte, error) {
	keys, err := s.current()
	if err != nil {
		return nil, err
	}
	if len(ciphertext) < 5 || ciphertext[0] != 1 {
		return nil, etl.Mistakef("secret_unreadable", "Enter the secret again.", "the stored secret is damaged")
	}
	if id := binary.BigEndian.Uint32(ciphertext[1:]); !keys.known[id] {
		where, fix := "ENCRYPTION_KEY", "Add the key that the secret was encrypted with behind the current one, separated by a comma"
		if s.file != "" {
			where, fix = "the key file "+s.file, "Restore the key file from the backup"
		}
		return nil, etl.Mistakef("key_missing", fix+", or enter the secret again.",
			"the stored secret was encrypted with key %s, which is not in %s", version(id), where)
	}
	plaintext, err := keys.aead.Decrypt(ciphertext, []byte(owner))
	if err != nil {
		return nil, &etl.Error{
			Kind: etl.Mistake, Code: "secret_unreadable", Err: err, Fix: "Enter the secret again.",
			Message: "the stored secret was altered, or belongs to something else",
		}
	}
	return plaintext, nil
}

// Current implements etl.Sealer.
func (s *Sealer) Current(context.Context) (string, error) {
	keys, err := s.current()
	if err != nil {
		return "", err
	}
	return version(keys.primary), nil
}

// Rotate adds a new key to the key file and seals with it from now on, here and
// in other processes on the same file; what older keys sealed still opens.
func (s *Sealer) Rotate(ctx context.Context) (keyVersion string, err error) {
	if s.file == "" {
		return "", etl.Mistakef("keys_given", "Put a new key in front of ENCRYPTION_KEY, separated by a comma, and start again.",
			"the keys come from ENCRYPTION_KEY and cannot be changed here")
	}
	// Two rotations at once must not lose a key.
	lock, err := acquire(ctx, s.file+".lock")
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return "", err
	}
	manager := keyset.NewManagerFromHandle(s.keys.handle)
	raw, err := secretdata.NewBytesFromRand(keySize)
	if err != nil {
		return "", err
	}
	id, err := newKeyID(s.keys.known)
	if err != nil {
		return "", err
	}
	if err := addKey(manager, raw, id, true); err != nil {
		return "", err
	}
	text, err := encodeKeys(manager)
	if err != nil {
		return "", err
	}
	if err := replaceFile(s.file, text); err != nil {
		return "", err
	}
	if err := s.load(); err != nil {
		return "", err
	}
	return version(s.keys.primary), nil
}

// current gives the keys, read anew where the file has changed.
func (s *Sealer) current() (*keyring, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == "" {
		return s.keys, nil
	}
	// A file that was lost since is no reason to fail as long as we run.
	if info, err := os.Stat(s.file); err == nil && stampOf(info) != s.stamp {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	return s.keys, nil
}

// load reads the key file.
func (s *Sealer) load() error {
	info, err := os.Stat(s.file)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return os.ErrNotExist
		}
		return unwritable(s.file, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return etl.Mistakef("key_file_open", "Run `chmod 600 "+s.file+"`; if others may have read it, rotate the keys afterwards.",
			"the key file %s can be read or written by other users (mode %04o)", s.file, mode)
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		return unwritable(s.file, err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err == nil {
		s.keys, err = newKeyring(handle)
	}
	if err != nil {
		// The cause is left out: a parser's error may quote what it read.
		return etl.Mistakef("key_file_damaged", "Restore it from the backup: without it the stored passwords cannot be read.",
			"the key file %s does not hold a Tink keyset of AES-GCM keys", s.file)
	}
	s.stamp = stampOf(info)
	return nil
}

func stampOf(info os.FileInfo) fileStamp { return fileStamp{info.ModTime(), info.Size()} }

func newKeyring(handle *keyset.Handle) (*keyring, error) {
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, err
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, err
	}
	known := make(map[uint32]bool, handle.Len())
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, err
		}
		known[entry.KeyID()] = entry.KeyStatus() == keyset.Enabled
	}
	return &keyring{handle: handle, aead: primitive, primary: primary.KeyID(), known: known}, nil
}

// makeKeyFile makes a file with one key; where another process was faster, its file stays.
func makeKeyFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return unwritable(path, err)
	}
	raw, err := secretdata.NewBytesFromRand(keySize)
	if err != nil {
		return err
	}
	id, err := newKeyID(nil)
	if err != nil {
		return err
	}
	manager := keyset.NewManager()
	if err := addKey(manager, raw, id, true); err != nil {
		return err
	}
	text, err := encodeKeys(manager)
	if err != nil {
		return err
	}
	if err := createFile(path, text); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// parseKeys makes a keyset of ENCRYPTION_KEY. A key's id is computed from it, so
// that it is the same in every process.
func parseKeys(text string) (*keyring, error) {
	manager := keyset.NewManager()
	seen := make(map[uint32]bool)
	for i, word := range strings.Split(text, ",") {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(word))
		if err != nil || len(raw) != keySize {
			return nil, etl.Mistakef("bad_encryption_key", "Make one with `openssl rand -base64 32`.",
				"key %d of ENCRYPTION_KEY is not %d bytes in base64", i+1, keySize)
		}
		sum := sha256.Sum256(append([]byte("etlportal key id:"), raw...))
		id := binary.BigEndian.Uint32(sum[:])
		if seen[id] {
			return nil, etl.Mistakef("bad_encryption_key", "Give each key once.", "key %d of ENCRYPTION_KEY is there twice", i+1)
		}
		seen[id] = true
		if err := addKey(manager, secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), id, i == 0); err != nil {
			return nil, err
		}
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, err
	}
	return newKeyring(handle)
}

func addKey(manager *keyset.Manager, raw secretdata.Bytes, id uint32, primary bool) error {
	parameters, err := aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: keySize, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink,
	})
	if err != nil {
		return err
	}
	key, err := aesgcm.NewKey(raw, id, parameters)
	if err != nil {
		return err
	}
	if _, err := manager.AddKey(key); err != nil {
		return err
	}
	if primary {
		return manager.SetPrimary(id)
	}
	return nil
}

// newKeyID draws an id that is not taken.
func newKeyID(taken map[uint32]bool) (uint32, error) {
	for {
		var raw [4]byte
		if _, err := rand.Read(raw[:]); err != nil {
			return 0, fmt.Errorf("draw a key id: %w", err)
		}
		id := binary.BigEndian.Uint32(raw[:])
		if _, ok := taken[id]; !ok && id != 0 {
			return id, nil
		}
	}
}

func encodeKeys(manager *keyset.Manager) ([]byte, error) {
	handle, err := manager.Handle()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func version(id uint32) string { return strconv.FormatUint(uint64(id), 10) }
