package aws

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/etlportal/etlportal/internal/etl"
)

// sealedForm is the first byte of what Sealer makes: after it, each behind its
// length in two bytes, the ARN of the KMS key and the data key that KMS encrypted
// with it; then the nonce, and the text as AES-256-GCM encrypts it with all that
// goes before, and the owner, authenticated.
const sealedForm = 1

// contextKey names the owner of a secret in KMS's encryption context, and so in
// CloudTrail and in the conditions of policies.
const contextKey = "etlportal"

// SealerConfig says which key seals.
type SealerConfig struct {
	Account

	// KeyID is the id, ARN or alias of a symmetric KMS key. Keys are changed by
	// pointing the alias, or KeyID, at another one; what others sealed opens as
	// long as they exist.
	KeyID string
}

// Sealer is an etl.Sealer with a KMS key: each secret has a data key of its own.
// A key version is the ARN of a KMS key.
type Sealer struct {
	client *kms.Client
	key    string
}

var _ etl.Sealer = (*Sealer)(nil)

// NewSealer makes the adapter; it does not call AWS yet.
func NewSealer(ctx context.Context, c SealerConfig) (*Sealer, error) {
	if c.KeyID == "" {
		return nil, etl.Mistakef("no_key", "Set ETLPORTAL_KMS_KEY.", "no KMS key is configured")
	}
	loaded, err := c.load(ctx, "the KMS key "+c.KeyID)
	if err != nil {
		return nil, err
	}
	return &Sealer{client: kms.NewFromConfig(loaded), key: c.KeyID}, nil
}

// Seal implements etl.Sealer.
func (s *Sealer) Seal(ctx context.Context, plaintext []byte, owner string) (ciphertext []byte, keyVersion string, err error) {
	if owner == "" {
		return nil, "", &etl.Error{Kind: etl.Internal, Code: "no_owner", Message: "a secret without an owner was to be encrypted"}
	}
	out, err := s.client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: &s.key, KeySpec: types.DataKeySpecAes256, EncryptionContext: map[string]string{contextKey: owner},
	})
	if err != nil {
		return nil, "", s.fault("encrypt a secret", "kms:GenerateDataKey", s.key, err)
	}
	defer clear(out.Plaintext)
	keyVersion = aws.ToString(out.KeyId)
	sealed := []byte{sealedForm}
	for _, field := range [][]byte{[]byte(keyVersion), out.CiphertextBlob} {
		sealed = binary.BigEndian.AppendUint16(sealed, uint16(len(field)))
		sealed = append(sealed, field...)
	}
	head := len(sealed)
	gcm, err := newGCM(out.Plaintext)
	if err != nil {
		return nil, "", err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, "", err
	}
	return gcm.Seal(append(sealed, nonce...), nonce, plaintext, authenticated(sealed[:head], owner)), keyVersion, nil
}

// Open implements etl.Sealer.
func (s *Sealer) Open(ctx context.Context, ciphertext []byte, owner string) ([]byte, error) {
	key, dataKey, rest, ok := parseSealed(ciphertext)
	if !ok || owner == "" {
		return nil, unreadable(nil)
	}
	out, err := s.client.Decrypt(ctx, &kms.DecryptInput{
		KeyId: &key, CiphertextBlob: dataKey, EncryptionContext: map[string]string{contextKey: owner},
	})
	if err != nil {
		return nil, s.openFault(key, err)
	}
	defer clear(out.Plaintext)
	gcm, err := newGCM(out.Plaintext)
	if err != nil {
		return nil, err
	}
	if len(rest) < gcm.NonceSize() {
		return nil, unreadable(nil)
	}
	head := ciphertext[:len(ciphertext)-len(rest)]
	plaintext, err := gcm.Open(nil, rest[:gcm.NonceSize()], rest[gcm.NonceSize():], authenticated(head, owner))
	if err != nil {
		return nil, unreadable(err)
	}
	return plaintext, nil
}

// Current implements etl.Sealer.
func (s *Sealer) Current(ctx context.Context) (string, error) {
	out, err := s.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &s.key})
	if err != nil {
		return "", s.fault("look at the encryption key", "kms:DescribeKey", s.key, err)
	}
	return aws.ToString(out.KeyMetadata.Arn), nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// authenticated is what GCM binds the text to.
func authenticated(head []byte, owner string) []byte {
	return append(append(make([]byte, 0, len(head)+len(owner)), head...), owner...)
}

// parseSealed takes a ciphertext apart.
func parseSealed(p []byte) (key string, dataKey, rest []byte, ok bool) {
	if len(p) == 0 || p[0] != sealedForm {
		return "", nil, nil, false
	}
	rest = p[1:]
	var fields [2][]byte
	for i := range fields {
		if len(rest) < 2 {
			return "", nil, nil, false
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n == 0 || len(rest) < 2+n {
			return "", nil, nil, false
		}
		fields[i], rest = rest[2:2+n], rest[2+n:]
	}
	// What is no ARN of a key would be refused by KMS in less clear words.
	name, err := arn.Parse(string(fields[0]))
	if err != nil || name.Service != "kms" || !strings.HasPrefix(name.Resource, "key/") {
		return "", nil, nil, false
	}
	return string(fields[0]), fields[1], rest, true
}

func unreadable(err error) error {
	return &etl.Error{
		Kind: etl.Mistake, Code: "secret_unreadable", Err: err, Fix: "Enter the secret again.",
		Message: "the stored secret was altered, or belongs to something else",
	}
}

// openFault explains why KMS does not decrypt a data key.
func (s *Sealer) openFault(key string, err error) error {
	switch {
	case hasCode(err, "InvalidCiphertextException", "IncorrectKeyException"):
		return unreadable(err)
	case hasCode(err, "NotFoundException", "InvalidArnException", "ValidationException"):
		return &etl.Error{
			Kind: etl.Mistake, Code: "key_missing", Err: err,
			Message: "the stored secret was encrypted with the KMS key " + key + ", which does not exist here",
			Fix:     "Use the account and region that the key is in, or enter the secret again.",
		}
	}
	return s.fault("decrypt a secret", "kms:Decrypt", key, err)
}

// fault explains a failed request about a key.
func (s *Sealer) fault(what, action, key string, err error) error {
	switch {
	case hasCode(err, "DisabledException", "KMSInvalidStateException", "InvalidKeyUsageException"):
		return &etl.Error{
			Kind: etl.Mistake, Code: "key_unusable", Err: err,
			Message: "cannot " + what + ": the KMS key " + key + " cannot be used: " + short(err),
			Fix:     "Enable the key, or cancel its deletion.",
		}
	case hasCode(err, "NotFoundException", "InvalidArnException"):
		return &etl.Error{
			Kind: etl.Mistake, Code: "key_missing", Err: err,
			Message: "cannot " + what + ": there is no KMS key " + key, Fix: "Correct ETLPORTAL_KMS_KEY.",
		}
	}
	return fault(request{prefix: "key", what: what + " with the KMS key " + key, action: action, resource: key, look: "KMS"}, err)
}
