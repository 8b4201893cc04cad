//! Accounts of instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 1.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::account::{Account, AccountRole, DEFAULT_ACCOUNT, NewAccount};
use crate::domain::id::AccountId;
use crate::domain::identity::Secret;
use crate::domain::instance::Instance;
use crate::domain::instance::password::PasswordVerdict;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine};
use crate::http::api::instances::password::{ChangeBody, ChangeView, LOCKED, LockView};
use crate::http::context::{InstanceContext, RequestContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible;
use crate::http::route::{DELETE, GET, POST, PUT, RouteEntry, Tag, reading, writing};

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Accounts", about: "Who may log in to an instance, and with which rights." };
    const MODIFY: &str = "dcs:instance:modify";
    TAG.routes([
        reading("list_acl_accounts", "dcs:aclaccount:list")
            .summary("Lists the accounts of an instance")
            .v2(GET, "/instances/{instance_id}/accounts", endpoint(list))
            .answers::<AccountsView>(),
        writing("create_acl_account", "dcs:aclaccount:create")
            .summary("Makes an account")
            .v2(POST, "/instances/{instance_id}/accounts", endpoint(create))
            .takes::<NewAccountBody>()
            .answers::<AccountJobView>(),
        writing("update_acl_account_remark", MODIFY)
            .summary("Describes an account")
            .v2(PUT, "/instances/{instance_id}/accounts/{account_id}", endpoint(describe))
            .takes::<DescriptionBody>()
            .answers_nothing(),
        writing("update_acl_account", "dcs:aclaccount:modifyRole")
            .summary("Gives an account another role")
            .v2(PUT, "/instances/{instance_id}/accounts/{account_id}/role", endpoint(set_role))
            .takes::<RoleBody>()
            .answers::<AccountJobView>(),
        writing("update_acl_account_pass_word", MODIFY)
            .summary("Changes the password of an account, for those who know the old one")
            .v2(
                PUT,
                "/instances/{instance_id}/accounts/{account_id}/password/modify",
                endpoint(change_password),
            )
            .takes::<ChangeBody>()
            .answers::<ChangeView>(),
        writing("reset_acl_account_pass_word", MODIFY)
            .summary("Gives an account another password")
            .v2(
                PUT,
                "/instances/{instance_id}/accounts/{account_id}/password/reset",
                endpoint(reset_password),
            )
            .takes::<ResetBody>()
            .answers::<ResetView>(),
        writing("delete_acl_account", "dcs:aclaccount:delete")
            .summary("Deletes an account")
            .v2(DELETE, "/instances/{instance_id}/accounts/{account_id}", endpoint(delete))
            .answers_any(200, "application/json"),
    ])
}

/// `GET …/accounts`: lists all accounts, the default one first.
async fn list(engine: Engine, InstanceContext { instance, .. }: InstanceContext) -> Response {
    let (found, accounts) = engine.accounts(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let instance_id = found.id.to_string();
    let others = accounts.iter().map(|account| AccountView::of(account, instance_id.clone()));
    let accounts = std::iter::once(AccountView::default_of(&found)).chain(others).collect();
    Ok(HttpResponse::Ok().json(AccountsView { accounts }))
}

/// `POST …/accounts`.
async fn create(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: NewAccountBody = mandatory_object(&context.body)?;
    let new = NewAccount {
        name: body.account_name.ok_or(Refusal::InvalidAccount)?,
        role: role(body.account_role)?,
        password: Secret::new(body.account_password.ok_or(Refusal::InvalidAccount)?),
        description: body.description,
    };
    let created = engine.create_account(instance, new, (context.failure, context.origin)).await;
    let job_id = created.or_fail(&codes::INSTANCE_SAVE_FAILED)?.to_string();
    Ok(HttpResponse::Ok().json(AccountJobView { instance_id: instance.instance_id.to_string(), job_id }))
}

/// `PUT …/accounts/{account_id}`.
async fn describe(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: DescriptionBody = mandatory_object(&context.body)?;
    let id = account_id(&context)?;
    let described = engine.describe_account(instance, id, body.description, context.origin).await;
    described.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `PUT …/accounts/{account_id}/role`.
async fn set_role(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: RoleBody = mandatory_object(&context.body)?;
    let (id, role) = (account_id(&context)?, role(body.account_role)?);
    let changed = engine.set_account_role(instance, id, role, (context.failure, context.origin)).await;
    let job_id = changed.or_fail(&codes::INSTANCE_SAVE_FAILED)?.to_string();
    Ok(HttpResponse::Ok().json(AccountJobView { instance_id: instance.instance_id.to_string(), job_id }))
}

/// `PUT …/accounts/{account_id}/password/modify`.
async fn change_password(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: ChangeBody = mandatory_object(&context.body)?;
    let given = |password: Option<String>| password.map(Secret::new).ok_or(Refusal::InvalidAccount);
    let passwords = (given(body.old_password)?, given(body.new_password)?);
    let id = account_id(&context)?;
    let verdict = engine.change_account_password(instance, id, passwords, context.origin).await;
    let verdict = verdict.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    // Known quirk: a success is told in the words of v1.0, everything else in those of v2.
    let words = if verdict == PasswordVerdict::Right { ApiVersion::V1 } else { ApiVersion::V2 };
    Ok(HttpResponse::Ok().json(ChangeView::new(verdict, words)))
}

/// `PUT …/accounts/{account_id}/password/reset`.
async fn reset_password(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: ResetBody = mandatory_object(&context.body)?;
    let new = Secret::new(body.new_password.ok_or(Refusal::InvalidAccount)?);
    let id = account_id(&context)?;
    let verdict = engine.reset_account_password(instance, id, new, (context.failure, context.origin)).await;
    Ok(HttpResponse::Ok().json(ResetView::new(verdict.or_fail(&codes::INSTANCE_SAVE_FAILED)?)))
}

/// `DELETE …/accounts/{account_id}`.
async fn delete(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let id = account_id(&context)?;
    let deleted = engine.delete_account(instance, id, (context.failure, context.origin)).await;
    deleted.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(json!({})))
}

/// What is no id is the id of no account.
fn account_id(context: &RequestContext) -> Result<AccountId, Refusal> {
    context.path_part("account_id").parse().map_err(|_| Refusal::InvalidAccount)
}

fn role(word: Option<String>) -> Result<AccountRole, Refusal> {
    AccountRole::parse(&flexible::text(word).ok_or(Refusal::InvalidAccount)?)
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewAccount)]
struct NewAccountBody {
    account_name: Option<String>,
    /// `read` or `write`.
    account_role: Option<String>,
    account_password: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = AccountDescription)]
struct DescriptionBody {
    description: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = AccountRole)]
struct RoleBody {
    /// `read` or `write`.
    account_role: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = AccountPasswordReset)]
struct ResetBody {
    new_password: Option<String>,
}

/// The job that makes or changes an account.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountJob)]
struct AccountJobView {
    instance_id: String,
    job_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Accounts)]
struct AccountsView {
    accounts: Vec<AccountView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
struct AccountView {
    account_id: String,
    account_name: String,
    /// `default` or `normal`.
    account_type: &'static str,
    instance_id: String,
    status: &'static str,
    account_role: &'static str,
    description: Option<String>,
    /// Always null.
    error_code: Option<String>,
    /// Always null.
    account_read_policy: Option<String>,
}

impl AccountView {
    fn of(account: &Account, instance_id: String) -> Self {
        Self {
            account_id: account.id.to_string(),
            account_name: account.name.clone(),
            account_type: "normal",
            instance_id,
            status: account.status.as_str(),
            account_role: account.role.as_str(),
            description: account.description.clone(),
            error_code: None,
            account_read_policy: None,
        }
    }

    fn default_of(instance: &Instance) -> Self {
        Self {
            account_id: instance.default_account_id().to_string(),
            account_name: DEFAULT_ACCOUNT.to_owned(),
            account_type: "default",
            instance_id: instance.id.to_string(),
            status: "AVAILABLE",
            account_role: AccountRole::Write.as_str(),
            description: None,
            error_code: None,
            account_read_policy: None,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = AccountPasswordWasReset)]
struct ResetView {
    code: &'static str,
    message: &'static str,
    #[serde(flatten)]
    lock: LockView,
}

impl ResetView {
    fn new(verdict: PasswordVerdict) -> Self {
        let (code, message) = match verdict {
            PasswordVerdict::Right => ("1", "Reset DCSInstance password success."),
            PasswordVerdict::Wrong { .. } | PasswordVerdict::Locked { .. } => ("3", LOCKED),
        };
        Self { code, message, lock: LockView::of(verdict) }
    }
}
