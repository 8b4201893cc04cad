//! Who is calling: a token, a signature, or nobody; and what that opens.
//!
//! How strict it is depends on the mode. *off*: nothing is looked at. *lenient*: no or unknown credentials are let in as
//! anonymous, but those that the emulator itself gave out are held to their project and their time. *strict*: only good
//! credentials, as the cloud does it.
//!
//! Source: wire contract v1.0, section 1.3; `decisions` no. 26.

use std::sync::Arc;

use actix_web::http::Uri;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};

use crate::domain::id::ProjectId;
use crate::domain::identity::{Action, Secret, Token, User};
use crate::domain::origin::Actor;
use crate::domain::refusal::Refusal;
use crate::engine::EngineError;
use crate::engine::identity::{AuthMode, Identity};
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::signature::{Authorization, SignedRequest};

const X_AUTH_TOKEN: &str = "x-auth-token";
const X_SECURITY_TOKEN: &str = "x-security-token";

/// The URI as it came, before its slashes were folded: signatures cover that one.
pub(super) struct RawUri(pub(super) Uri);

/// Who is calling.
pub(super) enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// The holder of a token.
    TokenHolder(Arc<Token>),
    /// The owner of an access key, who signed the request.
    KeyOwner {
        /// The access key.
        access: String,
        /// The owner.
        owner: Arc<(User, Secret)>,
    },
}

impl Caller {
    /// Returns the user behind the caller, if any.
    pub(super) fn user(&self) -> Option<&User> {
        match self {
            Self::Anonymous => None,
            Self::TokenHolder(token) => Some(&token.user),
            Self::KeyOwner { owner, .. } => Some(&owner.0),
        }
    }

    /// Returns the caller as the audit names it.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Anonymous => Actor::Anonymous,
            Self::TokenHolder(token) => Actor::User(token.user.name.clone()),
            Self::KeyOwner { access, .. } => Actor::AccessKey(access.clone()),
        }
    }

    /// Makes sure that the caller may carry out an action in a project.
    ///
    /// # Errors
    /// `OtherProject` if its credentials do not open the project, then as `User::permit`.
    pub(super) async fn permit(
        &self,
        identity: &Identity,
        project: ProjectId,
        action: Action,
    ) -> Result<(), ApiError> {
        match self {
            Self::Anonymous => Ok(()),
            Self::TokenHolder(token) => {
                token.permit_project(project)?;
                Ok(token.user.permit(project, action)?)
            }
            Self::KeyOwner { owner, .. } => {
                let opens = identity.opens(&owner.0, project).await.map_err(internal)?;
                if !opens {
                    return Err(Refusal::OtherProject.into());
                }
                Ok(owner.0.permit(project, action)?)
            }
        }
    }
}

/// Learns who is calling. `body` must be the body as it came.
///
/// # Errors
/// `NoCredentials`, `InvalidCredentials` or `CredentialsExpired`, as the mode has it.
pub(super) async fn authenticate(
    request: &HttpRequest,
    body: &[u8],
    identity: &Identity,
) -> Result<Caller, ApiError> {
    let mode = identity.mode();
    if mode == AuthMode::Off {
        return Ok(Caller::Anonymous);
    }
    let unknown = |refusal| match mode {
        AuthMode::Strict => Err(ApiError::Refused(refusal)),
        AuthMode::Lenient | AuthMode::Off => Ok(Caller::Anonymous),
    };
    match credentials(request, body, identity).await? {
        Credentials::None => unknown(Refusal::NoCredentials),
        Credentials::Unknown => unknown(Refusal::InvalidCredentials),
        Credentials::Good(caller) => Ok(caller),
    }
}

/// What a request's credentials are worth.
pub(super) enum Credentials {
    /// It has none.
    None,
    /// The emulator never gave them out.
    Unknown,
    /// They are good.
    Good(Caller),
}

/// Checks a request's credentials: its token, else its signature.
///
/// # Errors
/// `CredentialsExpired` for a token that was good once; `InvalidCredentials` for a known key with a wrong signature.
pub(super) async fn credentials(
    request: &HttpRequest,
    body: &[u8],
    identity: &Identity,
) -> Result<Credentials, ApiError> {
    let headers = request.headers();
    if let Some(given) = headers.get(X_AUTH_TOKEN).filter(|given| !given.is_empty()) {
        // A token that is no text was never given out.
        let Ok(text) = given.to_str() else { return Ok(Credentials::Unknown) };
        let token = identity.known_token(&Secret::new(text.to_owned())).await.map_err(internal)?;
        let Some(token) = token else { return Ok(Credentials::Unknown) };
        token.permit_use(identity.real_now())?;
        return Ok(Credentials::Good(Caller::TokenHolder(token)));
    }
    let Some(header) = text_of(headers, AUTHORIZATION.as_str()) else { return Ok(Credentials::None) };
    let authorization = match Authorization::parse(header) {
        Ok(Some(authorization)) => authorization,
        // Another scheme is nothing that this service knows.
        Ok(None) => return Ok(Credentials::None),
        Err(_) => {
            // Whoever names a key of ours must sign with it, also where unknown credentials are let in.
            let known = match Authorization::claimed_key(header) {
                Some(access) => identity.access_key(access).await.map_err(internal)?.is_some(),
                None => false,
            };
            return if known { Err(Refusal::InvalidCredentials.into()) } else { Ok(Credentials::Unknown) };
        }
    };
    // Temporary keys are not given out, so that a security token belongs to none of ours.
    let is_temporary = headers.contains_key(X_SECURITY_TOKEN);
    let owner = identity.access_key(authorization.access_key()).await.map_err(internal)?;
    let Some(owner) = owner.filter(|_| !is_temporary) else { return Ok(Credentials::Unknown) };
    let lookup = |name: &str| headers.get_all(name).map(HeaderValue::as_bytes).collect();
    let raw = request.extensions();
    let uri = raw.get::<RawUri>().map_or(request.uri(), |raw| &raw.0);
    let signed = SignedRequest {
        method: request.method().as_str(),
        raw_path: uri.path(),
        raw_query: uri.query().unwrap_or_default(),
        headers: &lookup,
        body,
    };
    authorization.verify(&signed, owner.1.expose(), identity.real_now().as_seconds()).map_err(|error| {
        tracing::info!(error = %error, "a signature was refused");
        Refusal::InvalidCredentials
    })?;
    Ok(Credentials::Good(Caller::KeyOwner { access: authorization.access_key().to_owned(), owner }))
}

/// Returns the text of a header; one that is empty counts as absent.
fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

fn internal(error: EngineError) -> ApiError {
    ApiError::failing_with(&error_code::INTERNAL)(error)
}
