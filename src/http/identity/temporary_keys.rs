//! Temporary keys: for a token or a signature, of the caller itself or of an agency that it assumes; and who a caller is.
//!
//! Source: docs/contract/networks.md, sections 7.3 and 7.4.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::id::DomainId;
use crate::domain::identity::{KeyLifetime, Secret, User};
use crate::domain::refusal::Refusal;
use crate::engine::EngineError;
use crate::engine::identity::{AgencyKey, DomainKey, Principal};
use crate::http::auth::X_AUTH_TOKEN;
use crate::http::error::Response;
use crate::http::extract::mandatory_object;
use crate::http::identity::context::{IdentityContext, internal, json};
use crate::http::identity::tokens::{AssumeRolePart, iso_micros};
use crate::http::state::state;
use crate::http::time::rfc3339;

#[derive(Deserialize, ToSchema)]
pub(super) struct SecurityTokenBody {
    auth: KeyAuth,
}

#[derive(Deserialize, ToSchema)]
struct KeyAuth {
    identity: KeyIdentity,
}

#[derive(Deserialize, ToSchema)]
struct KeyIdentity {
    methods: Vec<String>,
    token: Option<KeyToken>,
    assume_role: Option<AssumeRolePart>,
}

/// The token that a temporary key is asked for; that of the request's head goes before it.
#[derive(Default, Deserialize, ToSchema)]
struct KeyToken {
    id: Option<String>,
    duration_seconds: Option<u64>,
}

#[derive(Serialize)]
struct CredentialResponse {
    credential: CredentialView,
}

#[derive(Serialize)]
struct CredentialView {
    access: String,
    secret: String,
    expires_at: String,
    securitytoken: String,
}

/// `POST /v3.0/OS-CREDENTIAL/securitytokens`: a temporary key of the caller, or of an agency that it assumes.
pub(super) async fn create_temporary_key(request: HttpRequest, body: Bytes) -> Response {
    let state = state(&request)?;
    let asked = mandatory_object::<SecurityTokenBody>(&body)?.auth.identity;
    let has = |method: &str| asked.methods.iter().any(|given| given == method);
    let (holder, agency, seconds) = if has("assume_role") {
        let role = asked.assume_role.ok_or(Refusal::InvalidBody)?;
        let holder = IdentityContext::receive(&request, &body).await?.holder()?;
        let seconds = role.duration_seconds;
        (holder, Some(state.identity.assume(role.agency()?).await.map_err(internal)?), seconds)
    } else if has("token") {
        let KeyToken { id, duration_seconds } = asked.token.unwrap_or_default();
        let holder = match id {
            Some(id) if !request.headers().contains_key(X_AUTH_TOKEN) => {
                let token = state.identity.token(&Secret::new(id)).await.map_err(internal)?;
                Principal::of_token(&token)
            }
            _ => IdentityContext::receive(&request, &body).await?.holder()?,
        };
        (holder, None, duration_seconds)
    } else {
        return Err(Refusal::InvalidBody.into());
    };
    let life = KeyLifetime::OF_SECURITY_TOKENS.of(seconds)?;
    let given = state.identity.issue_temporary_key(holder, agency.as_ref(), life).await.map_err(internal)?;
    Ok(HttpResponse::Created().json(CredentialResponse {
        credential: CredentialView {
            access: given.access,
            secret: given.secret.expose().to_owned(),
            expires_at: iso_micros(given.expires_at),
            securitytoken: given.security_token.expose().to_owned(),
        },
    }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct AssumeAgencyBody {
    /// `iam::{domain_id}:agency:{name}`.
    agency_urn: String,
    agency_session_name: String,
    duration_seconds: Option<u64>,
}

/// `POST /v5/agencies/assume`: a temporary key of an agency that is named by its URN.
pub(super) async fn assume_agency(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let asked: AssumeAgencyBody = mandatory_object(&body)?;
    let life = KeyLifetime::OF_ASSUMED_AGENCIES.of(asked.duration_seconds)?;
    let (agency, name) = match agency_of(&asked.agency_urn) {
        Some(key) => (context.identity.assume(key.clone()).await, key.name),
        None => (Err(Refusal::AgencyNotFound.into()), String::new()),
    };
    let agency: User = match agency {
        Err(EngineError::Refused(Refusal::AgencyNotFound)) => {
            let message = format!("the agency '{}' cannot be found", asked.agency_urn);
            let body = json!({ "error_code": "STS5.1106", "error_msg": message });
            return Ok(HttpResponse::NotFound().json(body));
        }
        agency => agency.map_err(internal)?,
    };
    let account = context.identity.account(&agency).await.map_err(internal)?;
    let given = context.identity.issue_temporary_key(context.holder()?, Some(&agency), life).await;
    let given = given.map_err(internal)?;
    let session = &asked.agency_session_name;
    Ok(json(&json!({
        "source_identity": "",
        "assumed_agency": {
            "urn": format!("sts::{}::assumed-agency:{name}/{session}", account.id),
            "id": format!("{}:{session}", agency.id),
        },
        "credentials": {
            "access_key_id": given.access,
            "secret_access_key": given.secret.expose(),
            "security_token": given.security_token.expose(),
            "expiration": rfc3339(given.expires_at),
        },
    })))
}

/// Reads the URN of an agency.
fn agency_of(urn: &str) -> Option<AgencyKey> {
    let (account, name) = urn.strip_prefix("iam::")?.split_once(":agency:")?;
    let account: DomainId = account.parse().ok()?;
    AssumeRolePart::named(name, Some(DomainKey::Id(account))).ok()
}

/// `GET /v5/caller-identity`: the account of the caller.
pub(super) async fn show_caller(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    Ok(json(&json!({ "account_id": context.account().await?.id.to_string() })))
}
