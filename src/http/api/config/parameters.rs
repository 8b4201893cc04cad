//! Configuration parameters: show, change, and how they changed; commands that have another name.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::instance::Instance;
use crate::domain::instance_config::{
    ChangedParameter, ConfigChange, InstanceConfig, Parameter, ParameterChange,
};
use crate::domain::page::PageRequest;
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskKind;
use crate::engine::{Engine, ParameterHistoryEntry};
use crate::http::api::config::change::{change, change_by_job, text_or_number};
use crate::http::context::InstanceContext;
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::{bounded_limit, mandatory_object, offset};
use crate::http::time::rfc3339;

/// `GET …/configs`: shows the parameters of an instance, by their ids.
pub(super) async fn list_configs(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    let (instance, settings) =
        engine.instance_config(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(ConfigsView::new(&instance, &settings)))
}

/// `PUT …/configs`: changes parameters, all that are named or none; they are shown at once.
pub(super) async fn change_configs(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let changes = read_changes(&context.body)?;
    change(&engine, instance, ConfigChange::Parameters(changes), context.origin).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `PUT …/async-configs`: changes parameters as [`change_configs`] does, and names a job.
pub(super) async fn change_configs_by_job(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let changes = ConfigChange::Parameters(read_changes(&context.body)?);
    change_by_job(&engine, instance, changes, TaskKind::ConfigureByJob, context.origin).await
}

/// `GET …/config-histories`: lists the times at which parameters changed, newest first.
pub(super) async fn list_histories(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let page = PageRequest { skip: offset(&context.query)?, limit: bounded_limit(&context.query)? };
    let page = engine.parameter_history(instance, page).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(HistoriesView {
        history_num: page.total,
        histories: page.items.iter().map(HistoryView::new).collect(),
    }))
}

/// `GET …/config-histories/{history_id}`: shows what changed at one time.
pub(super) async fn show_history(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let id = context.path_part("history_id").parse();
    let id = id.map_err(|_| Refusal::InvalidParameter { name: "history_id" })?;
    let entry = engine.parameter_change(instance, id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let histories = entry.changes.iter().map(ChangedView::new).collect();
    Ok(HttpResponse::Ok().json(HistoryDetailView { histories }))
}

/// Parameters to be changed.
#[derive(Deserialize, ToSchema)]
pub(super) struct ConfigsBody {
    #[schema(required, min_items = 1)]
    redis_config: Option<Vec<ConfigBody>>,
}

/// A parameter, named by its id or by its name. A number may stand for any text.
#[derive(Deserialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
struct ConfigBody {
    #[serde(default, deserialize_with = "text_or_number")]
    param_id: String,
    #[serde(default, deserialize_with = "text_or_number")]
    param_name: String,
    #[serde(default, deserialize_with = "text_or_number")]
    param_value: String,
}

/// Reads which parameters are to change.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`, `InvalidParameter` (`redis_config`) if none is named.
fn read_changes(body: &[u8]) -> Result<Vec<ParameterChange>, Refusal> {
    let body: ConfigsBody = mandatory_object(body)?;
    let configs = body.redis_config.unwrap_or_default();
    if configs.is_empty() || configs.iter().any(|one| one.param_id.is_empty() && one.param_name.is_empty()) {
        return Err(Refusal::InvalidParameter { name: "redis_config" });
    }
    let change =
        |one: ConfigBody| ParameterChange { id: one.param_id, name: one.param_name, value: one.param_value };
    Ok(configs.into_iter().map(change).collect())
}

/// The parameters of an instance.
#[derive(Serialize, ToSchema)]
pub(super) struct ConfigsView {
    status: &'static str,
    instance_id: String,
    redis_config: Vec<ParameterView>,
    config_status: &'static str,
    /// Empty until parameters were changed.
    config_time: String,
}

impl ConfigsView {
    fn new(instance: &Instance, settings: &InstanceConfig) -> Self {
        let parameters = instance.parameters();
        let view = |parameter: &Parameter| ParameterView::new(parameter, settings.parameter(parameter.id));
        Self {
            status: instance.status.as_str(),
            instance_id: instance.id.to_string(),
            redis_config: parameters.iter().map(view).collect(),
            // Changes take effect before they are answered.
            config_status: "SUCCESS",
            config_time: settings.parameters_changed_at.map(rfc3339).unwrap_or_default(),
        }
    }
}

/// A parameter as instances and templates show it.
#[derive(Serialize, ToSchema)]
pub(super) struct ParameterView {
    /// A text: the only form that every client reads.
    param_id: String,
    param_name: &'static str,
    param_value: String,
    default_value: &'static str,
    value_type: &'static str,
    value_range: String,
    description: &'static str,
    need_restart: bool,
    /// Which nodes have it; null for servers.
    node_role: Option<&'static str>,
}

impl ParameterView {
    /// Shows a parameter with the value that was set, if one was.
    pub(super) fn new(parameter: &Parameter, value: Option<&str>) -> Self {
        Self {
            param_id: parameter.id.to_string(),
            param_name: parameter.name,
            param_value: value.unwrap_or(parameter.default).to_owned(),
            default_value: parameter.default,
            value_type: parameter.range.type_word(),
            value_range: parameter.range.as_text().into_owned(),
            description: parameter.description,
            need_restart: parameter.needs_restart,
            node_role: None,
        }
    }
}

/// The times at which parameters changed, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct HistoriesView {
    history_num: u64,
    histories: Vec<HistoryView>,
}

#[derive(Serialize, ToSchema)]
struct HistoryView {
    history_id: String,
    r#type: &'static str,
    created_at: String,
    status: &'static str,
}

impl HistoryView {
    fn new(entry: &ParameterHistoryEntry) -> Self {
        Self {
            history_id: entry.id.to_string(),
            r#type: "MODIFY",
            created_at: rfc3339(entry.at),
            status: "SUCCESS",
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct HistoryDetailView<'e> {
    histories: Vec<ChangedView<'e>>,
}

#[derive(Serialize, ToSchema)]
struct ChangedView<'e> {
    param_name: &'e str,
    old_value: &'e str,
    new_value: &'e str,
}

impl<'e> ChangedView<'e> {
    fn new(change: &'e ChangedParameter) -> Self {
        Self { param_name: &change.name, old_value: &change.old_value, new_value: &change.new_value }
    }
}

/// `GET …/rename-commands`: lists the commands that have another name, without telling it.
pub(super) async fn list_renamed_commands(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let rename_commands = instance.rename_commands.as_map().keys().map(String::as_str).collect();
    Ok(HttpResponse::Ok().json(RenamedView { rename_commands }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct RenamedView<'i> {
    rename_commands: Vec<&'i str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_values_are_texts_or_numbers() {
        let text = br#"{"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "100"}]}"#;
        let numbers = br#"{"redis_config": [{"param_id": 1, "param_name": "timeout", "param_value": 100}]}"#;
        assert_eq!(read_changes(text), read_changes(numbers));
        assert_eq!(read_changes(text).unwrap()[0].value, "100");
    }

    #[test]
    fn at_least_one_parameter_is_named() {
        let nameless = Err(Refusal::InvalidParameter { name: "redis_config" });
        for body in [
            r"{}",
            r#"{"redis_config": []}"#,
            r#"{"redis_config": null}"#,
            r#"{"redis_config": [{"param_value": "1"}]}"#,
        ] {
            assert_eq!(read_changes(body.as_bytes()), nameless, "{body}");
        }
        assert_eq!(read_changes(b""), Err(Refusal::EmptyBody));
        assert_eq!(read_changes(br#"{"redis_config": {}}"#), Err(Refusal::InvalidBody));
    }
}
