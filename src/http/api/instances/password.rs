//! Instances: change the password on both versions of the API, reset it on v2.
//!
//! Known quirk: a wrong password is no error of the API. What became of a change stands in the body of a 200.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.14; docs/contract/dcs-v2.md, section 2.6.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::identity::Secret;
use crate::domain::instance::password::{PasswordReset, PasswordTries, PasswordVerdict};
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine};
use crate::http::context::InstanceContext;
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Flexible, text};

/// `PUT …/password`: changes the password, for those who know the old one.
pub(super) async fn change_password(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let body: ChangeBody = mandatory_object(&context.body)?;
    let given = |member: Option<String>, name| {
        text(member).map(Secret::new).ok_or(Refusal::InvalidParameter { name })
    };
    let old = given(body.old_password, "old_password")?;
    let new = given(body.new_password, "new_password")?;
    let verdict = engine
        .change_password(instance, old, new, context.origin)
        .await
        .or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(ChangeView::new(verdict, context.api)))
}

/// `POST …/password/reset`: sets another password, or none.
pub(super) async fn reset_password(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let body: ResetBody = mandatory_object(&context.body)?;
    let no_password = match body.no_password_access.as_ref().and_then(Flexible::given) {
        Some(given) => Some(given.boolean().ok_or(Refusal::InvalidPasswordAccess)?),
        None => None,
    };
    let reset = PasswordReset { password: text(body.new_password).map(Secret::new), no_password };
    let verdict =
        engine.reset_password(instance, reset, context.origin).await.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(ResetView::new(verdict)))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub(crate) struct ChangeBody {
    #[schema(required)]
    pub(crate) old_password: Option<String>,
    #[schema(required, min_length = 8, max_length = 32)]
    pub(crate) new_password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordReset)]
pub(super) struct ResetBody {
    new_password: Option<String>,
    no_password_access: Option<Flexible>,
}

/// Numbers are texts, as the pages have them; times are minutes.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordLock)]
pub(crate) struct LockView {
    retry_times_left: Option<String>,
    lock_time: Option<String>,
    lock_time_left: Option<String>,
}

/// Returns minutes, begun ones too.
fn minutes(time: std::time::Duration) -> String {
    const SECONDS: u128 = 60 * 1_000;
    time.as_millis().div_ceil(SECONDS).to_string()
}

impl LockView {
    fn new(retry_times_left: u8, lock_time: String, lock_time_left: String) -> Self {
        Self {
            retry_times_left: Some(retry_times_left.to_string()),
            lock_time: Some(lock_time),
            lock_time_left: Some(lock_time_left),
        }
    }

    pub(crate) fn of(verdict: PasswordVerdict) -> Self {
        let lock_time = minutes(PasswordTries::LOCK);
        match verdict {
            PasswordVerdict::Right => Self::new(PasswordTries::MOST, "0".to_owned(), "0".to_owned()),
            PasswordVerdict::Wrong { left } => Self::new(left, lock_time.clone(), lock_time),
            PasswordVerdict::Locked { remaining } => Self::new(0, lock_time, minutes(remaining)),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = PasswordChanged)]
pub(crate) struct ChangeView {
    result: &'static str,
    message: &'static str,
    #[serde(flatten)]
    lock: LockView,
}

impl ChangeView {
    pub(crate) fn new(verdict: PasswordVerdict, api: ApiVersion) -> Self {
        let (result, message) = match (verdict, api) {
            (PasswordVerdict::Right, ApiVersion::V1) => ("success", "Modify DCSInstance password success."),
            (PasswordVerdict::Right, ApiVersion::V2) => ("success", "Successfully updated."),
            (PasswordVerdict::Wrong { .. }, _) => ("passwordFailed", "verify password failed."),
            (PasswordVerdict::Locked { .. }, _) => ("locked", LOCKED),
        };
        let mut lock = LockView::of(verdict);
        // v2 leaves out what does not apply.
        match (verdict, api) {
            (PasswordVerdict::Right, ApiVersion::V2) => {
                lock = LockView { retry_times_left: None, lock_time: None, lock_time_left: None };
            }
            (PasswordVerdict::Wrong { .. }, ApiVersion::V2) => lock.lock_time_left = None,
            _ => {}
        }
        Self { result, message, lock }
    }
}

pub(crate) const LOCKED: &str = "instance is locked";

#[derive(Serialize, ToSchema)]
#[schema(as = PasswordWasReset)]
pub(super) struct ResetView {
    code: &'static str,
    message: &'static str,
    ext_message: Option<&'static str>,
    #[serde(flatten)]
    lock: LockView,
}

impl ResetView {
    fn new(verdict: PasswordVerdict) -> Self {
        let (code, message) = match verdict {
            PasswordVerdict::Right => ("1", "success"),
            PasswordVerdict::Wrong { .. } | PasswordVerdict::Locked { .. } => ("3", LOCKED),
        };
        Self { code, message, ext_message: None, lock: LockView::of(verdict) }
    }
}
