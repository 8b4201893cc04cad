//! Tokens: log in, as oneself or as an agency, and show one.

use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::identity::{Domain, Secret, Token, TokenScope, is_agency_name};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::identity::{AgencyKey, DomainKey, LoginMethod, UserKey, WantedScope};
use crate::http::error::{ApiError, Response};
use crate::http::extract::mandatory_object;
use crate::http::identity::catalog::{CatalogEntry, entries};
use crate::http::identity::context::{DomainRef, IdentityContext, internal};
use crate::http::state::state;

/// The header that carries the text of the token that an answer is about.
const X_SUBJECT_TOKEN: &str = "X-Subject-Token";

#[derive(Deserialize, ToSchema)]
pub(super) struct LoginBody {
    auth: Auth,
}

#[derive(Deserialize, ToSchema)]
struct Auth {
    identity: IdentityPart,
    scope: Option<ScopePart>,
}

#[derive(Deserialize, ToSchema)]
struct IdentityPart {
    methods: Vec<String>,
    password: Option<PasswordPart>,
    token: Option<TokenPart>,
    assume_role: Option<AssumeRolePart>,
}

#[derive(Deserialize, ToSchema)]
struct PasswordPart {
    user: UserPart,
}

#[derive(Deserialize, ToSchema)]
struct UserPart {
    id: Option<String>,
    name: Option<String>,
    domain: Option<NamePart>,
    password: String,
}

#[derive(Deserialize, ToSchema)]
struct TokenPart {
    id: String,
}

#[derive(Deserialize, ToSchema)]
struct ScopePart {
    project: Option<ProjectPart>,
    domain: Option<NamePart>,
}

/// A project named by id, or by name with or without the domain that it is in.
#[derive(Deserialize, ToSchema)]
struct ProjectPart {
    id: Option<String>,
    name: Option<String>,
    domain: Option<NamePart>,
}

/// A thing named by id or by name.
#[derive(Deserialize, ToSchema)]
struct NamePart {
    id: Option<String>,
    name: Option<String>,
}

/// An agency that is to be assumed, and the account that it is in.
#[derive(Deserialize, ToSchema)]
pub(super) struct AssumeRolePart {
    #[serde(alias = "xrole_name")]
    agency_name: Option<String>,
    domain_id: Option<String>,
    domain_name: Option<String>,
    pub(super) duration_seconds: Option<u64>,
}

impl AssumeRolePart {
    /// Reads which agency it is: that of the domain, if nothing else is said.
    pub(super) fn agency(self) -> Result<AgencyKey, Refusal> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let account = match (given(self.domain_id), given(self.domain_name)) {
            (Some(id), _) => Some(DomainKey::Id(id.parse().map_err(|_| Refusal::AgencyNotFound)?)),
            (None, name) => name.map(DomainKey::Name),
        };
        Self::named(&self.agency_name.unwrap_or_default(), account)
    }

    /// Names an agency of an account.
    pub(super) fn named(name: &str, account: Option<DomainKey>) -> Result<AgencyKey, Refusal> {
        let is_account = match &account {
            Some(DomainKey::Name(name)) => is_agency_name(name),
            Some(DomainKey::Id(_)) | None => true,
        };
        if is_agency_name(name) && is_account {
            Ok(AgencyKey { name: name.to_owned(), account })
        } else {
            Err(Refusal::InvalidBody)
        }
    }
}

impl IdentityPart {
    /// Reads which agency is to be assumed, if any is.
    fn agency(&mut self) -> Result<Option<AgencyKey>, Refusal> {
        if !self.methods.iter().any(|method| method == "assume_role") {
            return Ok(None);
        }
        self.assume_role.take().ok_or(Refusal::InvalidBody)?.agency().map(Some)
    }

    /// Reads how somebody logs in. A second factor that accompanies a password is not looked at.
    fn method(self) -> Result<LoginMethod, Refusal> {
        let has = |method: &str| self.methods.iter().any(|given| given == method);
        if has("password") {
            let user = self.password.ok_or(Refusal::InvalidBody)?.user;
            let key = match (user.id, user.name) {
                (Some(id), _) => UserKey::Id(id.parse().map_err(|_| Refusal::InvalidCredentials)?),
                (None, Some(name)) => UserKey::Name(name),
                (None, None) => return Err(Refusal::InvalidBody),
            };
            let domain = user.domain.map(NamePart::domain).transpose()?;
            return Ok(LoginMethod::Password { user: key, domain, password: Secret::new(user.password) });
        }
        if has("token") {
            return Ok(LoginMethod::Token(Secret::new(self.token.ok_or(Refusal::InvalidBody)?.id)));
        }
        Err(Refusal::InvalidBody)
    }
}

impl NamePart {
    fn domain(self) -> Result<DomainKey, Refusal> {
        match (self.id, self.name) {
            (Some(id), _) => Ok(DomainKey::Id(id.parse().map_err(|_| Refusal::InvalidCredentials)?)),
            (None, Some(name)) => Ok(DomainKey::Name(name)),
            (None, None) => Err(Refusal::InvalidBody),
        }
    }
}

impl ProjectPart {
    fn scope(self) -> Result<WantedScope, Refusal> {
        match (self.id, self.name) {
            (Some(id), _) => Ok(WantedScope::ProjectId(id.parse().map_err(|_| Refusal::InvalidCredentials)?)),
            (None, Some(name)) => {
                let domain = self.domain.map(NamePart::domain).transpose()?;
                Ok(WantedScope::ProjectName { name, domain })
            }
            (None, None) => Err(Refusal::InvalidBody),
        }
    }
}

/// Reads what a token is to be good for. A project comes before a domain.
fn wanted_scope(scope: Option<ScopePart>) -> Result<WantedScope, Refusal> {
    match scope {
        Some(ScopePart { project: Some(project), .. }) => project.scope(),
        Some(ScopePart { project: None, domain: Some(domain) }) => Ok(WantedScope::Domain(domain.domain()?)),
        None | Some(ScopePart { project: None, domain: None }) => Ok(WantedScope::Any),
    }
}

/// `POST /v3/auth/tokens`: logs somebody in; who assumes an agency shows other credentials with the request.
pub(super) async fn create_token(request: HttpRequest, body: Bytes) -> Response {
    let mut login: LoginBody = mandatory_object(&body)?;
    let scope = wanted_scope(login.auth.scope)?;
    let method = match login.auth.identity.agency()? {
        Some(agency) => {
            let holder = IdentityContext::receive(&request, &body).await?.holder()?;
            LoginMethod::Agency { holder, agency }
        }
        None => login.auth.identity.method()?,
    };
    log_in(&request, method, scope).await
}

/// The header that names an identity provider.
const X_IDP_ID: &str = "X-Idp-Id";

#[derive(Deserialize, ToSchema)]
pub(super) struct IdTokenBody {
    auth: IdTokenAuth,
}

#[derive(Deserialize, ToSchema)]
struct IdTokenAuth {
    id_token: TokenPart,
    scope: Option<ScopePart>,
}

/// `POST /v3.0/OS-AUTH/id-token/tokens`: logs a user of an identity provider in.
pub(super) async fn create_token_by_id_token(request: HttpRequest, body: Bytes) -> Response {
    let IdTokenBody { auth: IdTokenAuth { id_token, scope } } = mandatory_object(&body)?;
    let provider = request.headers().get(X_IDP_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    if id_token.id.is_empty() || !is_agency_name(provider) {
        return Err(Refusal::InvalidBody.into());
    }
    let method = LoginMethod::IdToken { provider: provider.to_owned() };
    log_in(&request, method, wanted_scope(scope)?).await
}

async fn log_in(request: &HttpRequest, method: LoginMethod, scope: WantedScope) -> Response {
    let state = state(request)?;
    // Read before, so that nothing can fail once the token is kept.
    let domain = state.identity.domain().await.map_err(internal)?;
    let (text, token) = state.identity.login(method, scope).await.map_err(internal)?;
    let view = view(request, &token, &domain)?;
    Ok(HttpResponse::Created().insert_header((X_SUBJECT_TOKEN, header_value(&text)?)).json(view))
}

/// `GET /v3/auth/tokens`: shows the token that the request names as its subject.
pub(super) async fn show_token(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let subject = request.headers().get(X_SUBJECT_TOKEN).and_then(|text| text.to_str().ok());
    let missing = Refusal::InvalidParameter { name: X_SUBJECT_TOKEN };
    let text = Secret::new(subject.ok_or(missing)?.to_owned());
    let token = context.identity.token(&text).await.map_err(internal).map_err(|error| match error {
        ApiError::Refused(_) => ApiError::NotFound { what: "the token" },
        error => error,
    })?;
    // Only its owner may look at a token: what it opens is nobody else's business.
    if token.user.id != context.user.id {
        return Err(ApiError::NotFound { what: "the token" });
    }
    let domain = context.identity.domain().await.map_err(internal)?;
    let view = view(&request, &token, &domain)?;
    Ok(HttpResponse::Ok().insert_header((X_SUBJECT_TOKEN, header_value(&text)?)).json(view))
}

fn header_value(text: &Secret) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(text.expose()).map_err(|_| Refusal::InvalidBody)?;
    value.set_sensitive(true);
    Ok(value)
}

#[derive(Serialize)]
struct TokenResponse {
    token: TokenView,
}

#[derive(Serialize)]
struct TokenView {
    methods: [String; 1],
    issued_at: String,
    expires_at: String,
    user: UserView,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<DomainRef>,
    roles: Vec<RoleView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<Vec<CatalogEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed_by: Option<AssumedBy>,
}

#[derive(Serialize)]
struct AssumedBy {
    user: UserView,
}

#[derive(Serialize)]
struct UserView {
    id: String,
    name: String,
    domain: DomainRef,
}

#[derive(Serialize)]
struct ProjectView {
    id: String,
    name: String,
    domain: DomainRef,
}

#[derive(Serialize)]
struct RoleView {
    id: &'static str,
    name: &'static str,
}

/// Shows a token; without the catalogue if the query says so. An agency is in its own account, who has assumed it in the domain.
fn view(request: &HttpRequest, token: &Token, domain: &Domain) -> Result<TokenResponse, ApiError> {
    let account = token.user.account.as_ref().unwrap_or(domain);
    let state = state(request)?;
    let (project, role) = match &token.scope {
        TokenScope::Project(project) => (Some(project), token.user.role_in(project.id)),
        TokenScope::Domain => (None, None),
    };
    let wants_catalog =
        !request.query_string().split('&').any(|part| part == "nocatalog" || part.starts_with("nocatalog="));
    let catalog =
        || entries(&state.base_url(request), state.identity.region(), project.map(|project| project.id));
    Ok(TokenResponse {
        token: TokenView {
            methods: [token.method.clone()],
            issued_at: iso_micros(token.issued_at),
            expires_at: iso_micros(token.expires_at),
            user: UserView {
                id: token.user.id.to_string(),
                name: token.user.name.clone(),
                domain: DomainRef::of(account),
            },
            project: project.map(|project| ProjectView {
                id: project.id.to_string(),
                name: project.name.clone(),
                domain: DomainRef::of(account),
            }),
            domain: project.is_none().then(|| DomainRef::of(account)),
            roles: role.into_iter().map(|role| RoleView { id: "0", name: role.as_str() }).collect(),
            catalog: wants_catalog.then(catalog),
            assumed_by: token.assumed_by.as_ref().map(|assumer| AssumedBy {
                user: UserView {
                    id: assumer.id.to_string(),
                    name: assumer.name.clone(),
                    domain: DomainRef::of(domain),
                },
            }),
        },
    })
}

/// Writes a time as the identity service does: UTC with six fractional digits.
pub(super) fn iso_micros(time: Timestamp) -> String {
    time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
