package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/jsii-runtime-go"
)

const (
	passwordLength = 12
	invitationDays = 3
	accessMinutes  = 60
	refreshHours   = 12
	// localPage may sign in where no page of the portal's own is known yet.
	localPage = "http://localhost:5173"
)

// roles are the user pool's groups, highest first; the portal's roles have the
// same names.
var roles = []string{"admin", "editor", "viewer"}

// auth is who may sign in.
type auth struct {
	Pool   awscognito.UserPool
	Client awscognito.UserPoolClient
	Domain awscognito.UserPoolDomain
}

// environment tells functions whose tokens they take.
func (a *auth) environment(env map[string]*string) {
	env["ETLPORTAL_OIDC_ISSUER"] = a.Pool.UserPoolProviderUrl()
	env["ETLPORTAL_OIDC_AUDIENCE"] = a.Client.UserPoolClientId()
	env["ETLPORTAL_OIDC_GROUPS_CLAIM"] = jsii.String("cognito:groups")
	env["ETLPORTAL_OIDC_ADMIN_GROUPS"] = jsii.String("admin")
	env["ETLPORTAL_OIDC_EDITOR_GROUPS"] = jsii.String("editor")
	env["ETLPORTAL_OIDC_VIEWER_GROUPS"] = jsii.String("viewer")
}

func newAuth(stack awscdk.Stack, s *Settings) *auth {
	props := &awscognito.UserPoolProps{
		UserPoolName: s.Called("users"), SelfSignUpEnabled: jsii.Bool(false), SignInAliases: &awscognito.SignInAliases{Email: jsii.Bool(true)},
		SignInCaseSensitive: jsii.Bool(false), AutoVerify: &awscognito.AutoVerifiedAttrs{Email: jsii.Bool(true)},
		AccountRecovery: awscognito.AccountRecovery_EMAIL_ONLY, Mfa: mfas[s.MFA], MfaSecondFactor: &awscognito.MfaSecondFactor{Otp: jsii.Bool(true), Sms: jsii.Bool(false)},
		PasswordPolicy: &awscognito.PasswordPolicy{
			MinLength: jsii.Number(passwordLength), RequireDigits: jsii.Bool(true), RequireLowercase: jsii.Bool(true), RequireUppercase: jsii.Bool(true),
			RequireSymbols: jsii.Bool(true), TempPasswordValidity: awscdk.Duration_Days(jsii.Number(invitationDays)),
		},
		FeaturePlan: awscognito.FeaturePlan_ESSENTIALS, DeletionProtection: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	}
	if s.MFA == "off" {
		props.MfaSecondFactor = nil
	}
	if s.Threats {
		props.FeaturePlan, props.StandardThreatProtectionMode = awscognito.FeaturePlan_PLUS, awscognito.StandardThreatProtectionMode_FULL_FUNCTION
	}
	a := &auth{Pool: awscognito.NewUserPool(stack, jsii.String("Users"), props)}
	for i, role := range roles {
		awscognito.NewCfnUserPoolGroup(stack, jsii.String("Group"+title(role)), &awscognito.CfnUserPoolGroupProps{
			UserPoolId: a.Pool.UserPoolId(), GroupName: jsii.String(role), Precedence: jsii.Number(i), Description: jsii.String("role " + role + " in the ETL Portal"),
		})
	}
	// The prefix is one for all of AWS in a region.
	a.Domain = a.Pool.AddDomain(jsii.String("SignIn"), &awscognito.UserPoolDomainOptions{CognitoDomain: &awscognito.CognitoDomainOptions{
		DomainPrefix: awscdk.Fn_Join(jsii.String("-"), &[]*string{jsii.String(s.Name), stack.Account()}),
	}})
	providers := []awscognito.UserPoolClientIdentityProvider{awscognito.UserPoolClientIdentityProvider_COGNITO()}
	federated := a.federate(stack, s)
	for _, p := range federated {
		providers = append(providers, awscognito.UserPoolClientIdentityProvider_Custom(p.ProviderName()))
	}
	pages := s.UIOrigins()
	if len(pages) == 0 {
		pages = []string{localPage}
	}
	back := make([]string, len(pages))
	for i, page := range pages {
		back[i] = page + "/"
	}
	a.Client = a.Pool.AddClient(jsii.String("Web"), &awscognito.UserPoolClientOptions{
		UserPoolClientName: s.Called("web"),
		// A page keeps no secret: the code is bound to it by PKCE.
		GenerateSecret: jsii.Bool(false), PreventUserExistenceErrors: jsii.Bool(true), EnableTokenRevocation: jsii.Bool(true),
		AccessTokenValidity: awscdk.Duration_Minutes(jsii.Number(accessMinutes)), IdTokenValidity: awscdk.Duration_Minutes(jsii.Number(accessMinutes)),
		RefreshTokenValidity: awscdk.Duration_Hours(jsii.Number(refreshHours)), SupportedIdentityProviders: &providers,
		OAuth: &awscognito.OAuthSettings{
			Flows:        &awscognito.OAuthFlows{AuthorizationCodeGrant: jsii.Bool(true)},
			Scopes:       &[]awscognito.OAuthScope{awscognito.OAuthScope_OPENID(), awscognito.OAuthScope_EMAIL(), awscognito.OAuthScope_PROFILE()},
			CallbackUrls: texts(back...), LogoutUrls: texts(back...),
		},
	})
	for _, p := range federated {
		a.Client.Node().AddDependency(p)
	}
	output(stack, "UserPoolId", "user pool; put users into its groups admin, editor or viewer", a.Pool.UserPoolId())
	output(stack, "ClientId", "client of the web pages", a.Client.UserPoolClientId())
	output(stack, "Issuer", "issuer of the tokens", a.Pool.UserPoolProviderUrl())
	output(stack, "SignInUrl", "page to sign in", a.Domain.BaseUrl(nil))
	return a
}

var mfas = map[string]awscognito.Mfa{"off": awscognito.Mfa_OFF, "optional": awscognito.Mfa_OPTIONAL, "required": awscognito.Mfa_REQUIRED}

// federate adds the companies' own directories.
func (a *auth) federate(stack awscdk.Stack, s *Settings) []awscognito.IUserPoolIdentityProvider {
	var all []awscognito.IUserPoolIdentityProvider
	if s.SAML != "" {
		all = append(all, awscognito.NewUserPoolIdentityProviderSaml(stack, jsii.String("Saml"), &awscognito.UserPoolIdentityProviderSamlProps{
			UserPool: a.Pool, Name: jsii.String("saml"), Metadata: awscognito.UserPoolIdentityProviderSamlMetadata_Url(jsii.String(s.SAML)),
			AttributeMapping: &awscognito.AttributeMapping{
				Email: awscognito.ProviderAttribute_Other(jsii.String("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress")),
			},
		}))
	}
	if s.OIDCIssuer != "" {
		all = append(all, awscognito.NewUserPoolIdentityProviderOidc(stack, jsii.String("Oidc"), &awscognito.UserPoolIdentityProviderOidcProps{
			UserPool: a.Pool, Name: jsii.String("oidc"), IssuerUrl: jsii.String(s.OIDCIssuer), ClientId: jsii.String(s.OIDCClient),
			ClientSecret:     awscdk.SecretValue_SecretsManager(jsii.String(s.OIDCSecret), nil).UnsafeUnwrap(),
			Scopes:           texts("openid", "email", "profile"),
			AttributeMapping: &awscognito.AttributeMapping{Email: awscognito.ProviderAttribute_Other(jsii.String("email"))},
		}))
	}
	return all
}
