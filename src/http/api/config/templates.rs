//! Templates of configuration parameters.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::config_template::{ConfigTemplate, TemplateAttributes, TemplateRef};
use crate::domain::instance::Engine as CacheEngine;
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::api::config::change::text_or_number;
use crate::http::api::config::parameters::ParameterView;
use crate::http::context::{ProjectContext, RequestContext};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{Query, bounded_limit, mandatory_object, offset};
use crate::http::time::rfc3339;

/// `GET …/config-templates`: lists the shipped templates, or the project's own.
pub(super) async fn list_templates(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let Origin { own } = Origin::read(&context.query)?;
    let (skip, limit) = (offset(&context.query)?, bounded_limit(&context.query)?);
    let templates = if own {
        engine.own_templates(project_id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?
    } else {
        ConfigTemplate::shipped().collect()
    };
    let matching: Vec<_> =
        templates.into_iter().filter(|template| matches(template, &context.query)).collect();
    let start = usize::try_from(skip).unwrap_or(usize::MAX);
    let count = usize::try_from(limit.as_u64()).unwrap_or(usize::MAX);
    Ok(HttpResponse::Ok().json(TemplatesView {
        template_num: matching.len(),
        templates: matching.iter().skip(start).take(count).map(TemplateView::new).collect(),
    }))
}

/// `GET …/config-templates/{template_id}`: shows a template with its parameters.
pub(super) async fn show_template(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    Origin::read(&context.query)?;
    let template =
        engine.template(project_id, named(&context)?).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(DetailView::new(&template)))
}

/// `POST …/config-templates`: makes a template of the project's own from another one.
pub(super) async fn create_template(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let body: TemplateBody = mandatory_object(&context.body)?;
    let source = TemplateRef::parse(&body.template_id).ok_or(Refusal::TemplateNotFound)?;
    let id = engine
        .create_template(project_id, source, body.words(), context.client_chosen_id()?, context.origin)
        .await
        .or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().json(CreatedView { id: id.to_string() }))
}

/// `PUT …/config-templates/{template_id}`: changes a template of the project's own.
pub(super) async fn change_template(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let words = mandatory_object::<TemplateBody>(&context.body)?.words();
    let changed = engine.change_template(project_id, named(&context)?, words, context.origin).await;
    changed.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(done())
}

/// `DELETE …/config-templates/{template_id}`: removes a template of the project's own.
pub(super) async fn delete_template(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let deleted = engine.delete_template(project_id, named(&context)?, context.origin).await;
    deleted.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(done())
}

fn done() -> HttpResponse {
    HttpResponse::Ok().json(DoneView { result: "success" })
}

/// Returns the template that the path names; what can name none names one that is not there.
fn named(context: &RequestContext) -> Result<TemplateRef, Refusal> {
    TemplateRef::parse(context.path_part("template_id")).ok_or(Refusal::TemplateNotFound)
}

/// Whose templates are asked for.
struct Origin {
    own: bool,
}

impl Origin {
    /// Reads `type`, which every reading call must have.
    fn read(query: &Query) -> Result<Self, ApiError> {
        match query.get("type") {
            Some("sys") => Ok(Self { own: false }),
            Some("user") => Ok(Self { own: true }),
            _ => Err(ApiError::MissingQuery { name: "type" }),
        }
    }
}

/// Returns whether a template passes the filters; those on texts look for a part, the others for the whole.
fn matches(template: &ConfigTemplate, query: &Query) -> bool {
    let part = |name, text: &str| query.get(name).is_none_or(|part| text.contains(part));
    let whole = |name, text: &str| query.get(name).is_none_or(|whole| text.eq_ignore_ascii_case(whole));
    part("name", &template.name)
        && part("description", template.description.as_deref().unwrap_or_default())
        && whole("template_id", &template.id.to_string())
        && whole("engine", CacheEngine::Redis.as_str())
        && whole("engine_version", template.kind.engine_version.as_str())
        && whole("cache_mode", template.kind.cache_mode.as_str())
        && whole("product_type", template.kind.edition.as_str())
        && whole("storage_type", template.kind.storage.as_str())
}

/// A template to be made or changed.
#[derive(Deserialize, ToSchema)]
pub(super) struct TemplateBody {
    #[serde(default, deserialize_with = "text_or_number")]
    template_id: String,
    #[schema(min_length = 4, max_length = 64)]
    name: Option<String>,
    #[schema(max_length = 1024)]
    description: Option<String>,
    params: Option<BTreeMap<String, ParameterValue>>,
}

/// The value of a parameter: a text, or a number.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String)]
struct ParameterValue(#[serde(deserialize_with = "text_or_number")] String);

impl TemplateBody {
    fn words(self) -> TemplateAttributes {
        let values =
            self.params.map(|params| params.into_iter().map(|(name, value)| (name, value.0)).collect());
        TemplateAttributes { name: self.name, description: self.description, values }
    }
}

/// The id of what was made.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateCreated)]
pub(super) struct CreatedView {
    id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TemplateDone)]
pub(super) struct DoneView {
    result: &'static str,
}

/// A page of templates.
#[derive(Serialize, ToSchema)]
pub(super) struct TemplatesView {
    template_num: usize,
    templates: Vec<TemplateView>,
}

#[derive(Serialize, ToSchema)]
struct TemplateView {
    template_id: String,
    name: String,
    r#type: &'static str,
    engine: &'static str,
    engine_version: String,
    cache_mode: &'static str,
    product_type: &'static str,
    storage_type: &'static str,
    description: Option<String>,
    created_at: Option<String>,
}

impl TemplateView {
    fn new(template: &ConfigTemplate) -> Self {
        Self {
            template_id: template.id.to_string(),
            name: template.name.clone(),
            r#type: match template.id {
                TemplateRef::Shipped(_) => "sys",
                TemplateRef::Own(_) => "user",
            },
            engine: CacheEngine::Redis.as_str(),
            engine_version: template.kind.engine_version.as_str().to_owned(),
            cache_mode: template.kind.cache_mode.as_str(),
            product_type: template.kind.edition.as_str(),
            storage_type: template.kind.storage.as_str(),
            description: template.description.clone(),
            created_at: template.created_at.map(rfc3339),
        }
    }
}

/// A template with its parameters.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateDetailView)]
pub(super) struct DetailView {
    #[serde(flatten)]
    template: TemplateView,
    params: Vec<ParameterView>,
}

impl DetailView {
    fn new(template: &ConfigTemplate) -> Self {
        let value = |id| template.values.get(&id).map(String::as_str);
        let parameters = template.kind.parameters();
        let params = parameters.iter().map(|one| ParameterView::new(one, value(one.id))).collect();
        Self { template: TemplateView::new(template), params }
    }
}
