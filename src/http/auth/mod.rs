//! Who is calling: a token, a signature, or nobody; and what that opens.
//!
//! How strict it is depends on the mode. *off*: nothing is looked at. *lenient*: no or unknown credentials are let in as
//! anonymous, but those that the emulator itself gave out are held to their project and their time. *strict*: only good
//! credentials, as the cloud does it.
//!
//! Source: docs/contract/dcs-v1.0.md, section 1.3; docs/decisions/README.md no. 26.

pub(crate) mod origin_check;
pub(crate) mod signature;

use std::sync::Arc;

use actix_web::http::Uri;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};

use crate::domain::id::ProjectId;
use crate::domain::identity::{AccessKey, Action, Secret, Token, TokenScope, User};
use crate::domain::origin::Actor;
use crate::domain::refusal::Refusal;
use crate::engine::EngineError;
use crate::engine::identity::{AuthMode, Identity, Principal};
use crate::http::auth::signature::{Authorization, SignedRequest};
use crate::http::error::gateway::AuthenticationError;
use crate::http::error::{ApiError, codes};

/// The header that carries the text of the caller's token.
pub(super) const X_AUTH_TOKEN: &str = "x-auth-token";
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
    KeyOwner(Arc<AccessKey>),
}

impl Caller {
    /// Returns the user behind the caller, if any.
    pub(super) fn user(&self) -> Option<&User> {
        match self {
            Self::Anonymous => None,
            Self::TokenHolder(token) => Some(&token.user),
            Self::KeyOwner(key) => Some(&key.owner),
        }
    }

    /// Returns the caller as somebody who may ask for other credentials, unless it is nobody.
    pub(super) fn holder(&self) -> Option<Principal> {
        match self {
            Self::Anonymous => None,
            Self::TokenHolder(token) => Some(Principal::of_token(token)),
            Self::KeyOwner(key) => Some(Principal::of_key(key)),
        }
    }

    /// Returns the caller as the audit names it; a temporary key is nothing to remember, its owner is.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Anonymous => Actor::Anonymous,
            Self::TokenHolder(token) => Actor::User(token.user.name.clone()),
            Self::KeyOwner(key) if key.session.is_some() => Actor::User(key.owner.name.clone()),
            Self::KeyOwner(key) => Actor::AccessKey(key.access.clone()),
        }
    }

    /// Makes sure that the caller may carry out an action in a project.
    ///
    /// # Errors
    /// `OtherProject` if its credentials do not open the project, or nobody can work in it; then as `User::permit`.
    pub(super) async fn permit(
        &self,
        identity: &Identity,
        project: ProjectId,
        action: Action,
    ) -> Result<(), ApiError> {
        self.permit_opened(self.opens(project), identity, project, action).await
    }

    /// Makes sure that the caller may carry out an action on what its account has in a project: a token of the domain opens every project
    /// in which its owner has a role.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(super) async fn permit_in_account(
        &self,
        identity: &Identity,
        project: ProjectId,
        action: Action,
    ) -> Result<(), ApiError> {
        let opens = match self {
            Self::TokenHolder(token) if token.scope == TokenScope::Domain => {
                token.user.role_in(project).is_some()
            }
            _ => self.opens(project),
        };
        self.permit_opened(opens, identity, project, action).await
    }

    fn opens(&self, project: ProjectId) -> bool {
        match self {
            Self::Anonymous => true,
            Self::TokenHolder(token) => token.permit_project(project).is_ok(),
            Self::KeyOwner(key) => key.owner.role_in(project).is_some(),
        }
    }

    async fn permit_opened(
        &self,
        opens: bool,
        identity: &Identity,
        project: ProjectId,
        action: Action,
    ) -> Result<(), ApiError> {
        if !opens || !identity.has_project(project).await.map_err(internal)? {
            return Err(Refusal::OtherProject.into());
        }
        match self.user() {
            None => Ok(()),
            Some(user) => Ok(user.permit(project, action)?),
        }
    }
}

/// Who is calling, as far as the head of the request tells.
pub(super) enum Authentication {
    /// Known.
    Known(Caller),
    /// The owner of an access key, if the signature is right, which covers the body.
    Signed(Arc<AccessKey>),
}

/// Learns who is calling before the body is looked at, so that strangers are refused at once.
///
/// # Errors
/// `Unauthenticated`, as the mode has it.
pub(super) async fn authenticate(
    request: &HttpRequest,
    identity: &Identity,
) -> Result<Authentication, ApiError> {
    let mode = identity.mode();
    if mode == AuthMode::Off {
        return Ok(Authentication::Known(Caller::Anonymous));
    }
    match credentials(request, identity).await? {
        Credentials::NotOurs(denial) if mode == AuthMode::Strict => Err(ApiError::Unauthenticated(denial)),
        Credentials::NotOurs(_) => Ok(Authentication::Known(Caller::Anonymous)),
        Credentials::Ours(authentication) => Ok(authentication),
    }
}

impl Authentication {
    /// Learns who is calling now that the body is there; `body` must be as it came.
    ///
    /// # Errors
    /// `Unauthenticated` if the signature is not that of the request.
    pub(super) fn verify(
        self,
        request: &HttpRequest,
        body: &[u8],
        identity: &Identity,
    ) -> Result<Caller, ApiError> {
        let key = match self {
            Self::Known(caller) => return Ok(caller),
            Self::Signed(key) => key,
        };
        let header = text_of(request.headers(), AUTHORIZATION.as_str()).unwrap_or_default();
        let lookup = |name: &str| request.headers().get_all(name).map(HeaderValue::as_bytes).collect();
        let extensions = request.extensions();
        let uri = extensions.get::<RawUri>().map_or(request.uri(), |raw| &raw.0);
        let signed = SignedRequest {
            method: request.method().as_str(),
            raw_path: uri.path(),
            raw_query: uri.query().unwrap_or_default(),
            headers: &lookup,
            body,
        };
        let now = identity.now().as_seconds();
        let verified = match Authorization::parse(header) {
            Ok(Some(authorization)) => authorization.verify(&signed, key.secret.expose(), now),
            // `authenticate` has parsed it.
            Ok(None) => return Err(ApiError::Unauthenticated(AuthenticationError::Signature)),
            Err(error) => Err(error),
        };
        verified.map_err(|error| {
            tracing::info!(error = %error, "a signature was refused");
            ApiError::Unauthenticated(AuthenticationError::Signature)
        })?;
        Ok(Caller::KeyOwner(key))
    }
}

/// What a request's credentials are worth.
pub(super) enum Credentials {
    /// It has none, or such as the emulator never gave out.
    NotOurs(AuthenticationError),
    /// The emulator gave them out.
    Ours(Authentication),
}

/// Looks at a request's credentials: its token, else its access key.
///
/// # Errors
/// `Unauthenticated` for a token that was good once, and for a known key whose signature cannot be read or is by another algorithm, or
/// that is a temporary one and comes without its security token or too late.
pub(super) async fn credentials(request: &HttpRequest, identity: &Identity) -> Result<Credentials, ApiError> {
    let headers = request.headers();
    if let Some(given) = headers.get(X_AUTH_TOKEN).filter(|given| !given.is_empty()) {
        // A token that is no text was never given out.
        let Ok(text) = given.to_str() else { return Ok(Credentials::NotOurs(AuthenticationError::Token)) };
        let token = identity.known_token(&Secret::new(text.to_owned())).await.map_err(internal)?;
        let Some(token) = token else { return Ok(Credentials::NotOurs(AuthenticationError::Token)) };
        token
            .permit_use(identity.now())
            .map_err(|_| ApiError::Unauthenticated(AuthenticationError::ExpiredToken))?;
        return Ok(Credentials::Ours(Authentication::Known(Caller::TokenHolder(token))));
    }
    let Some(header) = text_of(headers, AUTHORIZATION.as_str()) else {
        return Ok(Credentials::NotOurs(AuthenticationError::Nobody));
    };
    let parsed = Authorization::parse(header);
    if matches!(parsed, Ok(None)) {
        // Another scheme is nothing that this service knows.
        let Some(name) = signature::other_algorithm(header) else {
            return Ok(Credentials::NotOurs(AuthenticationError::Nobody));
        };
        let key = match Authorization::claimed_key(header) {
            Some(access) => identity.access_key(access).await.map_err(internal)?,
            None => None,
        };
        return match key {
            Some(_) => Err(ApiError::Unauthenticated(AuthenticationError::Algorithm { name })),
            None => Ok(Credentials::NotOurs(AuthenticationError::Algorithm { name })),
        };
    }
    let named = match &parsed {
        Ok(Some(authorization)) => Some(authorization.access_key()),
        _ => Authorization::claimed_key(header),
    };
    let Some(access) = named else { return Ok(Credentials::NotOurs(AuthenticationError::Signature)) };
    let Some(key) = identity.access_key(access).await.map_err(internal)? else {
        return Ok(Credentials::NotOurs(AuthenticationError::Key { access: access.to_owned() }));
    };
    // Whoever names a key of ours must sign with it, also where unknown credentials are let in.
    if parsed.is_err() {
        return Err(ApiError::Unauthenticated(AuthenticationError::Signature));
    }
    let security_token = text_of(headers, X_SECURITY_TOKEN);
    let permitted = identity.permit_key(&key, security_token);
    permitted.map_err(|refusal| ApiError::Unauthenticated(AuthenticationError::Session(refusal)))?;
    Ok(Credentials::Ours(Authentication::Signed(key)))
}

/// Returns the text of a header; one that is empty counts as absent.
fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

fn internal(error: EngineError) -> ApiError {
    ApiError::failing_with(&codes::INTERNAL)(error)
}
