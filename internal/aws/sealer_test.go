package aws_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

var aliases atomic.Int64

// makeKey makes a KMS key and gives its ARN.
func makeKey(t *testing.T, client *kms.Client) string {
	t.Helper()
	out, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.KeyMetadata.Arn
}

func openSealer(t *testing.T, a aws.Account, key string) *aws.Sealer {
	t.Helper()
	s, err := aws.NewSealer(t.Context(), aws.SealerConfig{Account: a, KeyID: key})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealerConforms(t *testing.T) {
	client := kms.NewFromConfig(sdkConfig(t))
	etltest.SealerSuite(t, func(t *testing.T) (etl.Sealer, func(t *testing.T), etl.Sealer) {
		t.Helper()
		alias, key := fmt.Sprint("alias/test-", aliases.Add(1)), makeKey(t, client)
		if _, err := client.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: &alias, TargetKeyId: &key}); err != nil {
			t.Fatal(err)
		}
		rotate := func(t *testing.T) {
			t.Helper()
			// LocalStack finds no key by an alias of an ARN.
			next := strings.SplitAfter(makeKey(t, client), "key/")[1]
			if _, err := client.UpdateAlias(t.Context(), &kms.UpdateAliasInput{AliasName: &alias, TargetKeyId: &next}); err != nil {
				t.Fatal(err)
			}
		}
		// Another region has none of the keys.
		elsewhere := account(t)
		elsewhere.Region = "eu-central-1"
		return openSealer(t, account(t), alias), rotate, openSealer(t, elsewhere, alias)
	})
}

func TestSealerKeys(t *testing.T) {
	client := kms.NewFromConfig(sdkConfig(t))
	key := makeKey(t, client)
	s := openSealer(t, account(t), key)
	sealed, version, err := s.Seal(t.Context(), []byte("a password"), "credential 1")
	if err != nil || version != key {
		t.Fatalf("sealed with %s, %v", version, err)
	}
	if _, _, err := s.Seal(t.Context(), nil, ""); err == nil {
		t.Error("sealed for nobody")
	}
	if _, err := client.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context(), sealed, "credential 1")
	is(t, err, etl.Mistake, "key_unusable")
	_, _, err = s.Seal(t.Context(), nil, "credential 1")
	is(t, err, etl.Mistake, "key_unusable")
	_, _, err = openSealer(t, account(t), "alias/none").Seal(t.Context(), nil, "credential 1")
	is(t, err, etl.Mistake, "key_missing")
	_, err = openSealer(t, account(t), "alias/none").Current(t.Context())
	is(t, err, etl.Mistake, "key_missing")
	_, err = aws.NewSealer(t.Context(), aws.SealerConfig{Account: account(t)})
	is(t, err, etl.Mistake, "no_key")
}
