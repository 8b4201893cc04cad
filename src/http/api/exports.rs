//! Exports of the list of a project's instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 10.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::export::ExportFilter;
use crate::domain::refusal::Refusal;
use crate::domain::task::Course;
use crate::engine::Engine;
use crate::http::api::config::change::{JobView, job_begun};
use crate::http::api::{links, tasks};
use crate::http::context::{ProjectContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{self, Flexible};
use crate::http::route::{GET, POST, RouteEntry, Tag, reading, text, writing};

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Exports", about: "The list of instances, as a table." };
    TAG.routes([
        writing("export_instances_task", "dcs:instance:modify")
            .summary("Exports the list of instances")
            .v2(POST, "/instances/export", endpoint(export))
            .takes::<ExportBody>()
            .answers::<JobView>(),
        reading("export_excel_job", "dcs:instance:get")
            .summary("Shows an export")
            .v2(GET, "/instances/export-job", endpoint(show))
            .query(&[text("job_id", "The job of the export.").required()])
            .answers::<ExportView>(),
    ])
}

/// `POST …/instances/export`: exports the list of instances.
async fn export(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let body: ExportBody = mandatory_object(&context.body)?;
    let region = flexible::text(body.region).ok_or(Refusal::InvalidParameter { name: "region" })?;
    let text = |member: Option<Flexible>| flexible::text(member.map(|member| member.text()));
    let filter = ExportFilter {
        included_instances: body.included_instances.unwrap_or_default(),
        name: text(body.name),
        capacity: text(body.capacity),
        instance_id: text(body.instance_id),
        ip: text(body.ip),
        available_zone: text(body.available_zone),
        status: text(body.status),
        product_type: text(body.product_type),
        cache_mode: text(body.cache_mode),
        engine: text(body.engine),
        engine_version: text(body.engine_version),
        cpu_type: text(body.cpu_type),
        enterprise_project_id: text(body.enterprise_project_id),
        charging_mode: text(body.charging_mode),
        tags: text(body.tags),
    };
    let origin = (context.failure, context.origin);
    let job = engine.export_instances(project_id, (&region, filter), origin).await;
    Ok(job_begun(job.or_fail(&codes::INSTANCE_SAVE_FAILED)?))
}

/// `GET …/instances/export-job`: shows an export.
async fn show(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let job_id = context.query.get("job_id").ok_or(ApiError::MissingQuery { name: "job_id" })?;
    let shown = engine.instance_export(project_id, job_id.parse().ok()).await;
    let (job, link) = shown.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let base_url = context.base_url()?;
    Ok(HttpResponse::Ok().json(ExportView {
        status: tasks::job_word(job.course()),
        file_name: link.as_ref().map(|link| link.target.file_name.clone()),
        link: link.map(|link| links::url(&link, &base_url)),
        err_msg: (job.course() == Course::Failed).then_some("The export failed."),
        err_code: job.fail_reason,
    }))
}

/// The members but the first two are what the instances must be like, as texts.
#[derive(Deserialize, ToSchema)]
#[schema(as = InstanceExport)]
struct ExportBody {
    /// Becomes a part of the name of the file.
    region: Option<String>,
    /// The ids of the instances; all that are like the rest if none is named.
    included_instances: Option<Vec<String>>,
    name: Option<Flexible>,
    capacity: Option<Flexible>,
    instance_id: Option<Flexible>,
    ip: Option<Flexible>,
    available_zone: Option<Flexible>,
    status: Option<Flexible>,
    /// `generic` or `enterprise`.
    product_type: Option<Flexible>,
    cache_mode: Option<Flexible>,
    engine: Option<Flexible>,
    engine_version: Option<Flexible>,
    cpu_type: Option<Flexible>,
    enterprise_project_id: Option<Flexible>,
    /// `0` or `1`.
    charging_mode: Option<Flexible>,
    /// `key=value`, with commas between.
    tags: Option<Flexible>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceExportJob)]
struct ExportView {
    status: &'static str,
    file_name: Option<String>,
    /// Good for a day, without credentials.
    link: Option<String>,
    err_code: Option<String>,
    err_msg: Option<&'static str>,
}
