package etltest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
	pgerror "github.com/jeroenrinzema/psql-wire/errors"
	"github.com/jeroenrinzema/psql-wire/pkg/buffer"
	"github.com/jeroenrinzema/psql-wire/pkg/types"
)

// RedshiftRoleUser is the database's user of the role that asks for temporary
// credentials, as Redshift names it.
const RedshiftRoleUser = "IAMR:etlportal"

// temporary are the passwords that were given out, by user.
type temporary struct {
	user, password string
	until          time.Time
}

// CredentialsLast sets how long the temporary credentials last that are given
// from now on; AWS's last 15 minutes.
func (s *RedshiftServer) CredentialsLast(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = d
}

// RevokeCredentials ends the temporary credentials given out so far; those who
// hold them are not told.
func (s *RedshiftServer) RevokeCredentials() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = nil
}

// RefuseCredentials answers requests for temporary credentials with an error of
// AWS's, by its code; "" takes that back.
func (s *RedshiftServer) RefuseCredentials(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = code
}

// CredentialsGiven counts the temporary credentials given out.
func (s *RedshiftServer) CredentialsGiven() int { return int(s.pairs.Load()) }

// give makes a pair.
func (s *RedshiftServer) give(user string) temporary {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := temporary{user: user, password: rand.Text(), until: time.Now().Add(s.last)}
	s.given = append(s.given, t)
	s.pairs.Add(1)
	return t
}

// login says whether a password is right. Who has temporary credentials has no
// other ones; there are none of a user that the database does not have, which
// only the login tells (https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html).
func (s *RedshiftServer) login(user, password string) (bool, error) {
	if !strings.HasPrefix(user, "IAM:") && !strings.HasPrefix(user, "IAMR:") {
		return user == s.User && password == s.Pass, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.given {
		if t.user != user || t.password != password || time.Now().After(t.until) {
			continue
		}
		if user != RedshiftRoleUser && user != "IAM:"+s.User {
			return false, noLogin(codes.InvalidAuthorizationSpecification, "user %q does not exist", user)
		}
		return true, nil
	}
	return false, nil
}

// serverlessCredentials answers redshift-serverless:GetCredentials, in AWS JSON
// (https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_GetCredentials.html).
func (s *RedshiftServer) serverlessCredentials(r *http.Request) (any, *apiRefusal) {
	var q struct {
		Workgroup string `json:"workgroupName"`
		Database  string `json:"dbName"`
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		return nil, &apiRefusal{http.StatusBadRequest, "ValidationException", err.Error()}
	}
	if refusal := s.refusal(); refusal != nil {
		return nil, refusal
	}
	if q.Workgroup != s.Workgroup {
		return nil, &apiRefusal{http.StatusBadRequest, "ResourceNotFoundException", "Workgroup " + q.Workgroup + " does not exist."}
	}
	t := s.give(RedshiftRoleUser)
	return map[string]any{"dbUser": t.user, "dbPassword": t.password, "expiration": float64(t.until.UnixMilli()) / 1000}, nil
}

// clusterAnswer is what GetClusterCredentials and GetClusterCredentialsWithIAM answer
// (https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html).
type clusterAnswer struct {
	User       string `xml:"DbUser"`
	Password   string `xml:"DbPassword"`
	Expiration string `xml:"Expiration"`
}

// clusterCredentials answers redshift:GetClusterCredentials and …WithIAM, of AWS's query protocol.
func (s *RedshiftServer) clusterCredentials(w http.ResponseWriter, form url.Values) {
	action := form.Get("Action")
	if refusal := s.refusal(); refusal != nil {
		refusal.xml(w)
		return
	}
	if cluster := form.Get("ClusterIdentifier"); cluster != s.Cluster {
		(&apiRefusal{http.StatusNotFound, "ClusterNotFound", "Cluster " + cluster + " not found."}).xml(w)
		return
	}
	user := RedshiftRoleUser
	if action == "GetClusterCredentials" {
		user = "IAM:" + form.Get("DbUser")
	}
	t := s.give(user)
	type answer struct {
		XMLName xml.Name
		Result  any
	}
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(answer{xml.Name{Local: action + "Response"}, struct { //nolint:musttag // the fields' names are the elements'
		XMLName xml.Name
		clusterAnswer
	}{xml.Name{Local: action + "Result"}, clusterAnswer{t.user, t.password, t.until.UTC().Format(time.RFC3339)}}})
}

// apiRefusal is an error of AWS's APIs.
type apiRefusal struct {
	status        int
	code, message string
}

// xml answers as AWS's query protocol does.
func (r *apiRefusal) xml(w http.ResponseWriter) {
	type failure struct {
		Type, Code, Message string
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(r.status)
	_ = xml.NewEncoder(w).Encode(struct { //nolint:musttag // the fields' names are the elements'
		XMLName xml.Name `xml:"ErrorResponse"`
		Error   failure
	}{Error: failure{"Sender", r.code, r.message}})
}

// json answers as AWS's JSON protocols do.
func (r *apiRefusal) json(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": r.code, "message": r.message}) //nolint:errchkjson // texts
}

func (s *RedshiftServer) refusal() *apiRefusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing == "" {
		return nil
	}
	return &apiRefusal{http.StatusForbidden, s.refusing, "User: arn:aws:sts::123456789012:assumed-role/etlportal/i-1 is not authorized to perform this action"}
}

// certificate is the stand-in's for 127.0.0.1 and example.com, and that of its authority in PEM.
func certificate() (*tls.Config, string) {
	made := httptest.NewTLSServer(http.NotFoundHandler())
	defer made.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate().Raw})
	return &tls.Config{Certificates: made.TLS.Certificates, MinVersion: tls.VersionTLS12}, string(authority)
}

// asks is the login, which tells who is refused why: the library would hang up.
func (s *RedshiftServer) asks() wire.AuthStrategy {
	password := wire.ClearTextPassword(s.authenticate)
	return func(ctx context.Context, w *buffer.Writer, r *buffer.Reader) (context.Context, error) {
		if s.PasswordSHA256 {
			return ctx, asksSHA256(w)
		}
		ctx, err := password(ctx, w, r)
		if e := (refusedLogin{}); errors.As(err, &e) {
			err = errors.Join(err, wire.WriteUnterminatedError(w, e.error))
		}
		return ctx, err
	}
}

// typeSHA256 is the authentication type of a password that is kept as SHA-256.
const typeSHA256 = 13

// asksSHA256 asks for such a password, with its salt and number of rounds, and hangs up.
func asksSHA256(w *buffer.Writer) error {
	w.Start(types.ServerAuth)
	w.AddInt32(typeSHA256)
	w.AddBytes([]byte("saltysalt0123456"))
	w.AddInt32(10000)
	return errors.Join(w.End(), errors.New("the client did not answer"))
}

// refusedLogin is the error of a login that has a code of its own.
type refusedLogin struct{ error }

func noLogin(code codes.Code, format string, args ...any) error {
	return refusedLogin{pgerror.WithSeverity(pgerror.WithCode(fmt.Errorf(format, args...), code), pgerror.LevelFatal)}
}

// authenticate opens a session of PostgreSQL for who logs in.
func (s *RedshiftServer) authenticate(ctx context.Context, database, user, password string) (context.Context, bool, error) {
	if ok, err := s.login(user, password); !ok || err != nil {
		return ctx, false, err
	}
	if database != s.Database {
		return ctx, false, noLogin(codes.InvalidCatalogName, "database %q does not exist", database)
	}
	x, err := s.begin(ctx, false)
	if err != nil {
		return ctx, false, err
	}
	return context.WithValue(ctx, sessionKey{}, x), true, nil
}
