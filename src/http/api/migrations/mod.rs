//! Migrations of data into instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 12.

mod body;
mod view;

use actix_web::HttpResponse;
use futures_util::future::join_all;

use crate::domain::id::MigrationId;
use crate::domain::migration::LogLevel;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::http::api::versions::{PAGE_QUERY, page_of, page_request};
use crate::http::context::{ProjectContext, RequestContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{Query, mandatory_object, optional_object};
use crate::http::route::{DELETE, GET, POST, PUT, QueryParameter, RouteEntry, Tag, reading, text, writing};
use body::{CreateBody, DeleteBody, ExchangeBody, NamedBody, OnlineBody, SetupBody, UpdateBody};
use view::{
    BegunView, CreatedView, DeletedView, DetailsView, ListView, LogView, LogsView, ResultView, ResultsView,
    RowView, StatsView,
};

/// Returns the routes. Paths without a placeholder come before those that they would match.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Migrations", about: "Data that comes from backups or from other servers." };
    const NAME: QueryParameter = text("name", "Only those whose name contains it.");
    const LEVEL: QueryParameter = text("log_level", "Only rows of this level: INFO, WARN, ERROR or DEBUG.");
    const READ: &str = "dcs:migrationTask:get";
    const WRITE: &str = "dcs:migrationTask:modify";
    TAG.routes([
        writing("create_migration_task", WRITE)
            .summary("Imports a backup, or begins an online migration")
            .v2(POST, "/migration-task", endpoint(create))
            .takes::<CreateBody>()
            .answers::<BegunView>(),
        writing("batch_stop_migration_tasks", WRITE)
            .summary("Stops migrations")
            .v2(POST, "/migration-task/batch-stop", endpoint(stop_all))
            .takes::<NamedBody>()
            .answers::<ResultsView>(),
        reading("show_migration_task", READ)
            .summary("Shows a migration")
            .v2(GET, "/migration-task/{task_id}", endpoint(show))
            .answers::<DetailsView>(),
        writing("update_migration_task", WRITE)
            .summary("Says what resumes a migration")
            .v2(PUT, "/migration-task/{task_id}", endpoint(update))
            .takes::<UpdateBody>()
            .answers_any(200, "application/json"),
        reading("list_migration_task", READ)
            .summary("Lists migrations, newest first")
            .v2(GET, "/migration-tasks", endpoint(list))
            .query(PAGE_QUERY)
            .query(&[NAME])
            .answers::<ListView>(),
        writing("stop_migration_task", WRITE)
            .summary("Stops a migration")
            .v2(POST, "/migration-task/{task_id}/stop", endpoint(stop))
            .answers::<DetailsView>(),
        writing("stop_migration_task_sync", WRITE)
            .summary("Stops a migration, and answers once it has stopped")
            .v2(POST, "/migration-task/{task_id}/sync-stop", endpoint(stop_at_once))
            .answers_nothing(),
        writing("batch_restart_online_migration_tasks", WRITE)
            .summary("Restarts online migrations")
            .v2(POST, "/migration-tasks/batch-restart", endpoint(restart_all))
            .takes::<NamedBody>()
            .answers::<ResultsView>(),
        writing("delete_migration_task", WRITE)
            .summary("Deletes migrations")
            .v2(DELETE, "/migration-tasks/delete", endpoint(delete))
            .takes::<DeleteBody>()
            .answers::<DeletedView>(),
        writing("create_online_migration_task", WRITE)
            .summary("Creates an online migration, whose setup comes later")
            .v2(POST, "/migration/instance", endpoint(create_online))
            .takes::<OnlineBody>()
            .answers::<CreatedView>(),
        writing("set_online_migration_task", WRITE)
            .summary("Says from where to where an online migration leads, and begins it")
            .v2(POST, "/migration/{task_id}/task", endpoint(configure))
            .takes::<SetupBody>()
            .answers::<BegunView>(),
        reading("show_migration_task_stats", READ)
            .summary("Shows how far a migration is")
            .v2(GET, "/migration-task/{task_id}/stats", endpoint(show_stats))
            .answers::<StatsView>(),
        reading("list_migration_task_logs", READ)
            .summary("Lists what a migration has logged, newest first")
            .v2(GET, "/migration-task/{task_id}/logs", endpoint(list_logs))
            .query(PAGE_QUERY)
            .query(&[LEVEL])
            .answers::<LogsView>(),
        writing("exchange_instance_ip", WRITE)
            .summary("Exchanges the addresses of the instances of a migration")
            .v2(POST, "/migration-task/{task_id}/exchange-ip", endpoint(exchange))
            .takes::<ExchangeBody>()
            .answers_nothing(),
        writing("rollback_exchange_instance_ip", WRITE)
            .summary("Exchanges the addresses of the instances of a migration back")
            .v2(POST, "/migration-task/{task_id}/rollback-ip", endpoint(roll_back))
            .answers_nothing(),
    ])
}

/// What is no id is the id of no migration.
fn task_id(context: &RequestContext) -> Result<MigrationId, Refusal> {
    context.path_part("task_id").parse().map_err(|_| Refusal::MigrationNotFound)
}

async fn create(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let request = mandatory_object::<CreateBody>(&context.body)?.read()?;
    let created = engine.create_migration(project_id, request, (context.failure, context.origin)).await;
    let created = created.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(BegunView::of(&created)))
}

async fn create_online(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let new = mandatory_object::<OnlineBody>(&context.body)?.read()?;
    let created = engine.create_online_migration(project_id, new, context.origin).await;
    let (id, job_id) = created.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(CreatedView { instance_id: id.to_string(), job_id: job_id.to_string() }))
}

async fn configure(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let id = task_id(&context)?;
    let request = mandatory_object::<SetupBody>(&context.body)?.read()?;
    let origin = (context.failure, context.origin);
    let configured = engine.configure_migration(project_id, id, request, origin).await;
    let configured = configured.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(BegunView::of(&configured)))
}

async fn update(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let id = task_id(&context)?;
    let mode = mandatory_object::<UpdateBody>(&context.body)?.read()?;
    let updated = engine.update_migration(project_id, id, mode, context.origin).await;
    updated.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json("success"))
}

async fn show(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let found = engine.migration(project_id, task_id(&context)?).await;
    let found = found.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(DetailsView::of(&found)))
}

async fn list(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let page = page_request(&context.query)?;
    let found = engine.list_migrations(project_id, context.query.get("name"), page).await;
    let (count, found) = found.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let migration_tasks = found.iter().map(RowView::of).collect();
    Ok(HttpResponse::Ok().json(ListView { count, migration_tasks }))
}

async fn show_stats(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let stats = engine.migration_stats(project_id, task_id(&context)?).await;
    Ok(HttpResponse::Ok().json(StatsView::of(stats.or_fail(&codes::INSTANCE_QUERY_FAILED)?)))
}

async fn list_logs(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let (page, level) = (page_request(&context.query)?, log_level(&context.query)?);
    let found = engine.migration(project_id, task_id(&context)?).await;
    let mut rows = found.or_fail(&codes::INSTANCE_QUERY_FAILED)?.migration.logs;
    rows.retain(|row| level.is_none_or(|level| row.level == level));
    rows.reverse();
    let migration_logs = page_of(&rows, page).iter().map(LogView::of).collect();
    Ok(HttpResponse::Ok().json(LogsView { log_num: rows.len(), migration_logs }))
}

fn log_level(query: &Query) -> Result<Option<LogLevel>, Refusal> {
    let Some(word) = query.get("log_level") else { return Ok(None) };
    let level = LogLevel::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(word));
    level.map(Some).ok_or(Refusal::InvalidQuery { name: "log_level" })
}

async fn stop(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let stopped = engine.stop_migration(project_id, task_id(&context)?, false, context.origin).await;
    Ok(HttpResponse::Ok().json(DetailsView::of(&stopped.or_fail(&codes::INSTANCE_SAVE_FAILED)?)))
}

async fn stop_at_once(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let stopped = engine.stop_migration(project_id, task_id(&context)?, true, context.origin).await;
    stopped.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn stop_all(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let ids = mandatory_object::<NamedBody>(&context.body)?.read()?;
    let stop = async |id: &String| {
        let id = id.parse().map_err(|_| Refusal::MigrationNotFound)?;
        engine.stop_migration(project_id, id, false, context.origin.clone()).await.map(drop)
    };
    answer(&ids, join_all(ids.iter().map(stop)).await)
}

async fn restart_all(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let ids = mandatory_object::<NamedBody>(&context.body)?.read()?;
    let restart = async |id: &String| {
        let id = id.parse().map_err(|_| Refusal::MigrationNotFound)?;
        engine.restart_migration(project_id, id, (context.failure, context.origin.clone())).await
    };
    answer(&ids, join_all(ids.iter().map(restart)).await)
}

/// Shows what became of each migration; a refusal is a result, any other failure ends the call.
fn answer(ids: &[String], results: Vec<Result<(), EngineError>>) -> Response {
    let result = |(id, result): (&String, Result<(), EngineError>)| {
        let task_id = id.clone();
        match result {
            Ok(()) => Ok(ResultView { task_id, result: "success", error_code: None, error_msg: None }),
            Err(EngineError::Refused(refusal)) => {
                let error = ApiError::Refused(refusal);
                let code = error.code(ApiVersion::V2);
                let error_msg = Some(error.fill(code.text).into_owned());
                Ok(ResultView { task_id, result: "failed", error_code: Some(code.dcs), error_msg })
            }
            Err(error) => Err(ApiError::failing_with(&codes::INSTANCE_SAVE_FAILED)(error)),
        }
    };
    let migration_tasks = ids.iter().zip(results).map(result).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(ResultsView { migration_tasks }))
}

async fn delete(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let (task_id_list, ids) = mandatory_object::<DeleteBody>(&context.body)?.read()?;
    let deleted = engine.delete_migrations(project_id, ids, context.origin).await;
    deleted.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(DeletedView { task_id_list }))
}

async fn exchange(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let id = task_id(&context)?;
    let request = optional_object::<ExchangeBody>(&context.body)?.read()?;
    let origin = (context.failure, context.origin);
    let exchanged = engine.exchange_addresses(project_id, id, Some(request), origin).await;
    exchanged.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn roll_back(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let origin = (context.failure, context.origin.clone());
    let exchanged = engine.exchange_addresses(project_id, task_id(&context)?, None, origin).await;
    exchanged.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}
