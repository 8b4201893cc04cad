//! Slow logs and run logs of instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 7.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::contents::SlowCommand;
use crate::domain::instance::NodeGroup;
use crate::domain::page::PageRequest;
use crate::domain::refusal::Refusal;
use crate::domain::run_log::{CollectedDays, RunLog};
use crate::domain::slow_log::{NumberedCommand, SlowLogQuery, SlowLogSortKey};
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::http::api::links;
use crate::http::api::versions::{PAGE_QUERY, page_of, page_request};
use crate::http::context::{InstanceContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::{Query, whole_number};
use crate::http::route::{GET, POST, QueryParameter, RouteEntry, Tag, number, reading, text, writing};

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag =
        Tag { name: "Logs", about: "Slow commands, and files that the servers of an instance logged." };
    const LOG_TYPE: QueryParameter = text("log_type", "`run`.").required();
    const RUN_LOGS: &str = "dcs:redisLog:get";
    TAG.routes([
        reading("list_slowlog", "dcs:slowlog:list")
            .summary("Lists slow commands")
            .v2(GET, "/instances/{instance_id}/slowlog", endpoint(list_slow_commands))
            .query(&[
                number("start_time", "Those that began from then on, in Unix milliseconds.").required(),
                number("end_time", "Those that began until then.").required(),
                text("sort_key", "`start_time` or `duration`."),
                text("sort_dir", "`desc` or `asc`."),
                text("role", "`server` or `proxy`."),
            ])
            .query(PAGE_QUERY)
            .answers::<SlowLogView>(),
        writing("create_redislog", RUN_LOGS)
            .summary("Collects run logs")
            .v2(POST, "/instances/{instance_id}/redislog", endpoint(collect))
            .query(&[
                LOG_TYPE,
                number("query_time", "How many days: 0 (today), 1, 3 or 7."),
                text("replication_id", "The replica; not needed by an instance of one node."),
            ])
            .answers_nothing(),
        reading("list_redislog", RUN_LOGS)
            .summary("Lists run logs that were collected")
            .v2(GET, "/instances/{instance_id}/redislog", endpoint(list))
            .query(&[LOG_TYPE])
            .query(PAGE_QUERY)
            .answers::<RunLogsView>(),
        reading("create_redislog_download_link", RUN_LOGS)
            .summary("Makes a link to a run log")
            .v2(POST, "/instances/{instance_id}/redislog/{id}/links", endpoint(link))
            .answers::<RunLogLinkView>(),
    ])
}

/// `GET …/slowlog`: lists slow commands.
async fn list_slow_commands(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let page = page_request(&context.query)?;
    let query = slow_log_query(&context.query)?;
    let commands = engine.slow_log(instance, query).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let (total_num, count) = (commands.len(), commands.len());
    let slowlogs = page_of(&commands, page).iter().map(SlowCommandView::of).collect();
    Ok(HttpResponse::Ok().json(SlowLogView { total_num, count, slowlogs }))
}

fn slow_log_query(query: &Query) -> Result<SlowLogQuery, Refusal> {
    let time = |name: &'static str| {
        let millis = query.get(name).and_then(whole_number).and_then(|millis| i64::try_from(millis).ok());
        let time = millis.and_then(|millis| Timestamp::from_millis(millis).ok());
        time.ok_or(Refusal::InvalidQuery { name })
    };
    let (from, until) = (time("start_time")?, time("end_time")?);
    if until < from {
        return Err(Refusal::InvalidQuery { name: "end_time" });
    }
    Ok(SlowLogQuery {
        from,
        until,
        order: match query.get("sort_key") {
            None | Some("start_time") => SlowLogSortKey::StartTime,
            Some("duration") => SlowLogSortKey::Duration,
            Some(_) => return Err(Refusal::InvalidQuery { name: "sort_key" }),
        },
        is_ascending: match query.get("sort_dir") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(Refusal::InvalidQuery { name: "sort_dir" }),
        },
        of_proxies: match query.get("role") {
            None => None,
            Some("server") => Some(false),
            Some("proxy") => Some(true),
            Some(_) => return Err(Refusal::InvalidQuery { name: "role" }),
        },
    })
}

/// The only kind of log that is collected.
const RUN_LOG: &str = "run";

fn require_run_log(query: &Query) -> Result<(), Refusal> {
    if query.get("log_type") == Some(RUN_LOG) { Ok(()) } else { Err(Refusal::InvalidLogType) }
}

/// `POST …/redislog`: collects run logs.
async fn collect(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    require_run_log(&context.query)?;
    // What is no number is no number of days.
    let days = context.query.get("query_time").map_or(Some(0), whole_number).unwrap_or(u64::MAX);
    let days = CollectedDays::new(days)?;
    let replica = context.query.get("replication_id").map(str::to_owned);
    let collected = engine.collect_run_logs(instance, replica, days, (context.failure, context.origin)).await;
    collected.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET …/redislog`: lists run logs. Known quirk: pages are counted from 0 or from 1, as a client likes.
async fn list(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    require_run_log(&context.query)?;
    let PageRequest { skip, limit } = page_request(&context.query)?;
    let logs = engine.run_logs(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let page = PageRequest { skip: skip.saturating_sub(1), limit };
    let file_list = page_of(&logs, page).iter().map(RunLogView::of).collect();
    Ok(HttpResponse::Ok().json(RunLogsView { total_num: logs.len(), file_list }))
}

/// `POST …/redislog/{id}/links`: makes a link to a run log. What is no id is the id of no run log.
async fn link(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let id = context.path_part("id").parse().ok();
    let linked = engine.create_run_log_link(instance, id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let (log, link) = linked;
    Ok(HttpResponse::Ok().json(RunLogLinkView {
        id: log.id.to_string(),
        backup_id: log.backup_id.to_string(),
        link: links::url(&link, &context.base_url()?),
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = SlowLog)]
struct SlowLogView {
    /// Of all pages.
    total_num: usize,
    count: usize,
    slowlogs: Vec<SlowCommandView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SlowCommand)]
struct SlowCommandView {
    id: usize,
    command: String,
    /// In whole seconds.
    start_time: String,
    /// In microseconds.
    duration: String,
    shard_name: String,
    database_id: u32,
    username: String,
    node_role: &'static str,
    client_ip: String,
}

impl SlowCommandView {
    fn of(NumberedCommand { number, command }: &NumberedCommand) -> Self {
        let SlowCommand { start_time, shard, database_id, .. } = *command;
        Self {
            id: *number,
            command: command.command.clone(),
            start_time: start_time.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            duration: command.duration.to_string(),
            shard_name: NodeGroup::name_of(shard),
            database_id,
            username: command.username.clone(),
            node_role: command.node_role.as_str(),
            client_ip: command.client_ip.clone(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = RunLogs)]
struct RunLogsView {
    /// Of all pages.
    total_num: usize,
    file_list: Vec<RunLogView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RunLog)]
struct RunLogView {
    id: String,
    file_name: String,
    group_name: String,
    replication_ip: String,
    status: &'static str,
    /// The day.
    time: String,
    backup_id: String,
}

impl RunLogView {
    fn of(log: &RunLog) -> Self {
        Self {
            id: log.id.to_string(),
            file_name: log.file_name(),
            group_name: log.group_name.clone(),
            replication_ip: log.replication_ip.clone(),
            status: log.status.as_str(),
            time: log.day.clone(),
            backup_id: log.backup_id.to_string(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = RunLogLink)]
struct RunLogLinkView {
    id: String,
    backup_id: String,
    link: String,
}
