//! Figures of the instances of a project: how many are in which state, and what those in service do.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.16 and 2.17; docs/contract/dcs-v2.md, section 2.7.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::instance::{Engine as CacheEngine, Instance, InstanceStatus as Status};
use crate::engine::{ApiVersion, Engine, StatusCount};
use crate::http::api::instances::view::IDLE_MEMORY_MB;
use crate::http::context::ProjectContext;
use crate::http::error::{OrFail, Response, codes};
use crate::http::route::{QueryParameter, flag};

pub(super) const COUNTS_QUERY: &[QueryParameter] =
    &[flag("include_failure", "Whether instances whose creation failed are counted.")];

/// `GET …/instances/status`: counts the instances of a project by their state.
pub(super) async fn count_statuses(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let mut counts = engine.status_counts(project_id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    if !context.query.is_true(&["includeFailure", "include_failure"]) {
        counts.retain(|count| count.status != Status::CreateFailed);
    }
    Ok(match context.api {
        ApiVersion::V1 => HttpResponse::Ok().json(CountsView::new(&counts)),
        ApiVersion::V2 => HttpResponse::Ok().json(CountsByEngineView::new(&counts)),
    })
}

/// `GET …/instances/statistic`: shows what the instances in service do.
pub(super) async fn list_statistics(
    engine: Engine,
    ProjectContext { project_id, .. }: ProjectContext,
) -> Response {
    let running = engine.running_instances(project_id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok()
        .json(StatisticsView { statistics: running.iter().map(StatisticView::of).collect() }))
}

/// Returns how many instances are in a state: of an engine, or of all.
fn count(counts: &[StatusCount], engine: Option<CacheEngine>, status: Status) -> u64 {
    let of_both = counts
        .iter()
        .filter(|count| count.status == status && engine.is_none_or(|engine| count.engine == engine));
    of_both.map(|count| count.instances).sum()
}

/// How many instances are in which state, as v1.0 shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = StatusCounts)]
#[expect(clippy::struct_field_names, reason = "the wire's members")]
pub(super) struct CountsView {
    creating_count: u64,
    running_count: u64,
    error_count: u64,
    restarting_count: u64,
    createfailed_count: u64,
    extending_count: u64,
    deleting_count: u64,
    frozen_count: u64,
    restoring_count: u64,
    flushing_count: u64,
    starting_count: u64,
    closing_count: u64,
    closed_count: u64,
    paying_count: u64,
    migrating_count: u64,
    upgrading_count: u64,
}

impl CountsView {
    fn new(counts: &[StatusCount]) -> Self {
        let of = |status| count(counts, None, status);
        Self {
            creating_count: of(Status::Creating),
            running_count: of(Status::Running),
            error_count: of(Status::Error),
            restarting_count: of(Status::Restarting),
            createfailed_count: of(Status::CreateFailed),
            extending_count: of(Status::Extending),
            frozen_count: of(Status::Frozen),
            restoring_count: of(Status::Restoring),
            flushing_count: of(Status::Flushing),
            starting_count: of(Status::Starting),
            closing_count: of(Status::Closing),
            closed_count: of(Status::Closed),
            // No instance is ever in these.
            deleting_count: 0,
            paying_count: 0,
            migrating_count: 0,
            upgrading_count: 0,
        }
    }
}

/// How many instances are in which state, as v2 shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = StatusCountsOfAll)]
pub(super) struct CountsByEngineView {
    #[serde(flatten)]
    all: CountersView,
    redis: CountersView,
    memcached: CountersView,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StatusCounters)]
#[expect(clippy::struct_field_names, reason = "the wire's members")]
struct CountersView {
    paying_count: u64,
    freezing_count: u64,
    migrating_count: u64,
    flushing_count: u64,
    upgrading_count: u64,
    restoring_count: u64,
    extending_count: u64,
    creating_count: u64,
    running_count: u64,
    error_count: u64,
    frozen_count: u64,
    createfailed_count: u64,
    restarting_count: u64,
}

impl CountsByEngineView {
    fn new(counts: &[StatusCount]) -> Self {
        Self {
            all: CountersView::new(counts, None),
            redis: CountersView::new(counts, Some(CacheEngine::Redis)),
            memcached: CountersView::new(counts, Some(CacheEngine::Memcached)),
        }
    }
}

impl CountersView {
    fn new(counts: &[StatusCount], engine: Option<CacheEngine>) -> Self {
        let of = |status| count(counts, engine, status);
        Self {
            flushing_count: of(Status::Flushing),
            restoring_count: of(Status::Restoring),
            extending_count: of(Status::Extending),
            creating_count: of(Status::Creating),
            running_count: of(Status::Running),
            error_count: of(Status::Error),
            frozen_count: of(Status::Frozen),
            createfailed_count: of(Status::CreateFailed),
            restarting_count: of(Status::Restarting),
            // No instance is ever in these.
            paying_count: 0,
            freezing_count: 0,
            migrating_count: 0,
            upgrading_count: 0,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Statistics)]
pub(super) struct StatisticsView {
    statistics: Vec<StatisticView>,
}

/// What an instance does: nothing, as no cache runs behind it.
#[derive(Serialize, ToSchema)]
#[schema(as = Statistic)]
struct StatisticView {
    keys: u64,
    instance_id: String,
    used_memory: u32,
    max_memory: u32,
    cmd_get_count: u64,
    cmd_set_count: u64,
    used_cpu: &'static str,
    input_kbps: &'static str,
    output_kbps: &'static str,
}

impl StatisticView {
    fn of(instance: &Instance) -> Self {
        Self {
            keys: 0,
            instance_id: instance.id.to_string(),
            used_memory: IDLE_MEMORY_MB,
            max_memory: instance.max_memory_mb(),
            cmd_get_count: 0,
            cmd_set_count: 0,
            used_cpu: "0.0",
            input_kbps: "0.0",
            output_kbps: "0.0",
        }
    }
}
