//! The web CLI of instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 5.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::identity::Secret;
use crate::domain::refusal::Refusal;
use crate::domain::web_cli::MAX_COMMAND;
use crate::engine::Engine;
use crate::http::context::{InstanceContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{self, Flexible};
use crate::http::route::{POST, RouteEntry, Tag, writing};

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Web CLI", about: "Commands on what an instance holds." };
    const ACTION: &str = "dcs:instance:webcli";
    TAG.routes([
        writing("login_web_cli", ACTION)
            .summary("Logs in to the web CLI")
            .v2(POST, "/instances/{instance_id}/webcli/auth", endpoint(log_in))
            .takes::<LoginBody>()
            .answers::<LoginView>(),
        writing("execute_command_mobilization", ACTION)
            .summary("Carries out a command")
            .v2(POST, "/instances/{instance_id}/webcli/command", endpoint(run))
            .takes::<CommandBody>()
            .answers::<CommandView>(),
        writing("logoff_web_cli", ACTION)
            .summary("Logs out of the web CLI")
            .v2(POST, "/instances/{instance_id}/webcli/logout", endpoint(log_out))
            .takes::<LogoutBody>()
            .answers_nothing(),
    ])
}

/// `POST …/webcli/auth`.
async fn log_in(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: LoginBody = mandatory_object(&context.body)?;
    let password = flexible::text(body.password).map(Secret::new);
    let opened = engine.open_web_cli(instance, password, context.origin).await;
    let (client_id, databases) = opened.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(LoginView { client_id: client_id.expose().to_owned(), databases }))
}

/// `POST …/webcli/command`.
async fn run(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: CommandBody = mandatory_object(&context.body)?;
    let client_id = client_id(body.client_id)?;
    let command = body.command.filter(|line| !line.trim().is_empty() && line.len() <= MAX_COMMAND);
    let command = command.ok_or(Refusal::InvalidParameter { name: "command" })?;
    let database = body.database.as_ref().and_then(Flexible::given).map_or(0, Flexible::to_u64);
    let shown = engine.run_web_command(instance, &client_id, (database, command), context.origin).await;
    Ok(HttpResponse::Ok().json(CommandView { response: shown.or_fail(&codes::INSTANCE_SAVE_FAILED)? }))
}

/// `POST …/webcli/logout`: also for one who is not logged in.
async fn log_out(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: LogoutBody = mandatory_object(&context.body)?;
    let client_id = client_id(body.client_id)?;
    let closed = engine.close_web_cli(instance, &client_id, context.origin).await;
    closed.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

fn client_id(given: Option<String>) -> Result<String, Refusal> {
    flexible::text(given).ok_or(Refusal::InvalidParameter { name: "client_id" })
}

#[derive(Deserialize, ToSchema)]
#[schema(as = WebCliLogin)]
struct LoginBody {
    /// That of the instance, or `name:password` of an account.
    password: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebCliClient)]
struct LoginView {
    client_id: String,
    databases: u32,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = WebCliCommand)]
struct CommandBody {
    client_id: Option<String>,
    command: Option<String>,
    /// 0 unless something is said.
    database: Option<Flexible>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebCliAnswer)]
struct CommandView {
    /// Its lines, joined by CR LF; errors are told here, too.
    response: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = WebCliLogout)]
struct LogoutBody {
    client_id: Option<String>,
}
