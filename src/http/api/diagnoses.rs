//! Diagnoses of instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 6.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::diagnosis::{
    CommandTime, DIMENSIONS, Diagnosis, DiagnosisRequest, ItemResult, NodeReport,
};
use crate::domain::id::DiagnosisId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::http::api::versions::{PAGE_QUERY, page_of, page_request};
use crate::http::context::{InstanceContext, ProjectContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::{mandatory_object, optional_object};
use crate::http::flexible::Flexible;
use crate::http::route::{DELETE, GET, POST, RouteEntry, Tag, reading, writing};
use crate::http::time::rfc3339;

/// The most reports that are deleted at once.
const MAX_DELETED: usize = 100;

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Diagnoses", about: "What the nodes of an instance did in some minutes." };
    const READ: &str = "dcs:instance:getDiagnosisTask";
    TAG.routes([
        writing("create_diagnosis_task", "dcs:instance:createDiagnosisTask")
            .summary("Diagnoses an instance")
            .v2(POST, "/instances/{instance_id}/diagnosis", endpoint(create))
            .takes::<DiagnosisBody>()
            .answers::<CreatedView>(),
        reading("list_diagnosis_tasks", READ)
            .summary("Lists the diagnoses of an instance, newest first")
            .v2(GET, "/instances/{instance_id}/diagnosis", endpoint(list))
            .query(PAGE_QUERY)
            .answers::<DiagnosesView>(),
        reading("show_diagnosis_task_details", READ)
            .summary("Shows the report of a diagnosis")
            .v2(GET, "/diagnosis/{report_id}", endpoint(show))
            .answers::<ReportView>(),
        writing("delete_diagnosis_task", "dcs:instance:modify")
            .summary("Deletes diagnoses with their reports")
            .v2(DELETE, "/instances/{instance_id}/diagnosis", endpoint(delete))
            .takes::<DeleteBody>()
            .answers::<DeletedView>(),
    ])
}

/// `POST …/diagnosis`: diagnoses an instance.
async fn create(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: DiagnosisBody = mandatory_object(&context.body)?;
    let order = DiagnosisRequest {
        begin_at: time(body.begin_time.as_ref(), "begin_time")?,
        end_at: time(body.end_time.as_ref(), "end_time")?,
        addresses: body.node_ip_list.unwrap_or_default(),
    };
    let id = engine.create_diagnosis(instance, order, (context.failure, context.origin)).await;
    let report_id = id.or_fail(&codes::INSTANCE_SAVE_FAILED)?.to_string();
    Ok(HttpResponse::Ok().json(CreatedView { report_id }))
}

/// Reads Unix milliseconds.
fn time(millis: Option<&Flexible>, name: &'static str) -> Result<Timestamp, Refusal> {
    let millis = millis.and_then(|millis| i64::try_from(millis.to_u64()).ok());
    let time = millis.and_then(|millis| Timestamp::from_millis(millis).ok());
    time.ok_or(Refusal::InvalidQuery { name })
}

/// `GET …/diagnosis`: lists the diagnoses of an instance.
async fn list(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let page = page_request(&context.query)?;
    let diagnoses = engine.diagnoses(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(DiagnosesView {
        total_num: diagnoses.len(),
        diagnosis_report_list: page_of(&diagnoses, page).iter().map(DiagnosisRow::of).collect(),
    }))
}

/// `GET …/diagnosis/{report_id}` of a project: shows a report. What is no id is the id of no report.
async fn show(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let id = context.path_part("report_id").parse().map_err(|_| Refusal::DiagnosisNotFound)?;
    let diagnosis = engine.diagnosis(project_id, id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(ReportView::of(&diagnosis)))
}

/// `DELETE …/diagnosis`: deletes reports, and says of each whether it was there.
async fn delete(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: DeleteBody = optional_object(&context.body)?;
    let named = body.report_id_list.filter(|ids| (1..=MAX_DELETED).contains(&ids.len()));
    let named = named.ok_or(Refusal::InvalidParameter { name: "report_id_list" })?;
    let ids: Vec<Option<DiagnosisId>> = named.iter().map(|id| id.parse().ok()).collect();
    let removed = engine.delete_diagnoses(instance, &ids, &context.origin).await;
    let removed = removed.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    let result = |(id, was_there)| ResultView { id, result: if was_there { "successful" } else { "failed" } };
    Ok(HttpResponse::Ok().json(DeletedView { results: named.into_iter().zip(removed).map(result).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = Diagnosis)]
struct DiagnosisBody {
    /// In Unix milliseconds; a number or a text of one.
    begin_time: Option<Flexible>,
    end_time: Option<Flexible>,
    /// Addresses of nodes; all that keep data if none is named.
    node_ip_list: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisCreated)]
struct CreatedView {
    report_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Diagnoses)]
struct DiagnosesView {
    /// Of all pages.
    total_num: usize,
    diagnosis_report_list: Vec<DiagnosisRow>,
}

#[derive(Serialize, ToSchema)]
struct DiagnosisRow {
    report_id: String,
    status: &'static str,
    begin_time: String,
    end_time: String,
    created_at: String,
    node_num: usize,
    abnormal_item_sum: usize,
    failed_item_sum: usize,
}

impl DiagnosisRow {
    fn of(diagnosis: &Diagnosis) -> Self {
        Self {
            report_id: diagnosis.id.to_string(),
            status: diagnosis.status.as_str(),
            begin_time: rfc3339(diagnosis.begin_at),
            end_time: rfc3339(diagnosis.end_at),
            created_at: rfc3339(diagnosis.created_at),
            node_num: diagnosis.node_ids.len(),
            abnormal_item_sum: diagnosis.abnormal_items(),
            failed_item_sum: diagnosis.failed_items(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisReport)]
struct ReportView {
    abnormal_item_sum: usize,
    failed_item_sum: usize,
    diagnosis_node_report_list: Vec<NodeView>,
}

impl ReportView {
    fn of(diagnosis: &Diagnosis) -> Self {
        Self {
            abnormal_item_sum: diagnosis.abnormal_items(),
            failed_item_sum: diagnosis.failed_items(),
            diagnosis_node_report_list: diagnosis.nodes.iter().map(NodeView::of).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisOfNode)]
struct NodeView {
    /// With the port.
    node_ip: String,
    az_code: String,
    group_name: String,
    role: &'static str,
    abnormal_sum: usize,
    failed_sum: usize,
    is_faulted: bool,
    diagnosis_dimension_list: Vec<DimensionView>,
    command_time_taken_list: CommandsView,
}

impl NodeView {
    fn of(node: &NodeReport) -> Self {
        Self {
            node_ip: node.address.clone(),
            az_code: node.zone_code.clone(),
            group_name: node.group_name.clone(),
            role: if node.is_master { "master" } else { "slave" },
            abnormal_sum: node.count(ItemResult::Abnormal),
            failed_sum: node.count(ItemResult::Failed),
            is_faulted: node.is_faulted,
            diagnosis_dimension_list: DIMENSIONS
                .iter()
                .map(|(name, items)| DimensionView::of(name, items, node))
                .collect(),
            command_time_taken_list: CommandsView::of(node),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisDimension)]
struct DimensionView {
    name: &'static str,
    abnormal_num: usize,
    failed_num: usize,
    diagnosis_item_list: Vec<ItemView>,
}

impl DimensionView {
    fn of(name: &'static str, items: &[&'static str], node: &NodeReport) -> Self {
        let count = |result| items.iter().filter(|item| node.result(item) == result).count();
        Self {
            name,
            abnormal_num: count(ItemResult::Abnormal),
            failed_num: count(ItemResult::Failed),
            diagnosis_item_list: items.iter().map(|item| ItemView::of(item, node)).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisItem)]
struct ItemView {
    name: &'static str,
    result: &'static str,
    error_code: Option<String>,
    cause_ids: Vec<ConclusionView>,
    impact_ids: Vec<ConclusionView>,
    advice_ids: Vec<ConclusionView>,
}

impl ItemView {
    /// What is abnormal of a node are commands that took long.
    fn of(name: &'static str, node: &NodeReport) -> Self {
        const CAUSE: u32 = 10;
        const IMPACT: u32 = 3;
        const ADVICE: u32 = 7;
        let result = node.result(name);
        let conclusions = |id| match result {
            ItemResult::Abnormal => {
                vec![ConclusionView { id, params: json!({ "COMMANDS": node.slow_commands.join(",") }) }]
            }
            ItemResult::Normal | ItemResult::Failed => Vec::new(),
        };
        Self {
            name,
            result: result.as_str(),
            error_code: None,
            cause_ids: conclusions(CAUSE),
            impact_ids: conclusions(IMPACT),
            advice_ids: conclusions(ADVICE),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisConclusion)]
struct ConclusionView {
    id: u32,
    #[schema(value_type = Object)]
    params: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisOfCommands)]
struct CommandsView {
    total_num: usize,
    total_usec_sum: f64,
    result: &'static str,
    error_code: Option<String>,
    command_list: Vec<CommandView>,
}

impl CommandsView {
    fn of(node: &NodeReport) -> Self {
        let total_usec_sum = node.commands.iter().map(|time| float(time.usec)).sum();
        Self {
            total_num: node.commands.len(),
            total_usec_sum,
            result: if node.has_failed { "failed" } else { "succeed" },
            error_code: None,
            command_list: node.commands.iter().map(|time| CommandView::of(time, total_usec_sum)).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisOfCommand)]
struct CommandView {
    command_name: String,
    calls_sum: u64,
    usec_sum: f64,
    per_usec: String,
    average_usec: f64,
}

impl CommandView {
    fn of(time: &CommandTime, total: f64) -> Self {
        let usec_sum = float(time.usec);
        let percent = if total > 0.0 { usec_sum * 100.0 / total } else { 0.0 };
        Self {
            command_name: time.name.clone(),
            calls_sum: time.calls,
            usec_sum,
            per_usec: format!("{percent:.2}%"),
            average_usec: usec_sum / float(time.calls.max(1)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the API shows these numbers as floats")]
fn float(number: u64) -> f64 {
    number as f64
}

#[derive(Default, Deserialize, ToSchema)]
#[schema(as = DiagnosesDeletion)]
struct DeleteBody {
    report_id_list: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosesDeleted)]
struct DeletedView {
    /// In the order of the ids.
    results: Vec<ResultView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisDeleted)]
struct ResultView {
    id: String,
    result: &'static str,
}
