//! Tags: set and remove, those of an instance, those of a project.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::instance_config::{ConfigChange, Tag, TagAction, TagKey, TagValue, Tags};
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine};
use crate::http::api::config::change::{change, settings};
use crate::http::context::{InstanceContext, ProjectContext};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;

/// `POST …/dcs/{instance_id}/tags/action`: sets or removes tags. Known quirk: the versions answer with different statuses, and
/// clients insist on each.
pub(super) async fn change_tags(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let action = read_action(&context.body)?;
    change(&engine, instance, ConfigChange::Tags(action), context.origin).await?;
    Ok(match context.api {
        ApiVersion::V1 => HttpResponse::Ok().finish(),
        ApiVersion::V2 => HttpResponse::NoContent().finish(),
    })
}

/// `GET …/instances/{instance_id}/tags`: lists the tags of an instance, in the order in which they came.
pub(super) async fn list_tags(engine: Engine, InstanceContext { instance, .. }: InstanceContext) -> Response {
    let settings = settings(&engine, instance).await?;
    Ok(HttpResponse::Ok().json(TagsView { tags: tag_views(&settings.tags) }))
}

/// `GET …/dcs/tags`: lists the keys of tags in a project, with their values.
pub(super) async fn list_project_tags(
    engine: Engine,
    ProjectContext { project_id, .. }: ProjectContext,
) -> Response {
    let tags = engine.project_tags(project_id).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let tags = tags.into_iter().map(|tag| TagValuesView { key: tag.key, values: tag.values }).collect();
    Ok(HttpResponse::Ok().json(ProjectTagsView { tags }))
}

/// What is to happen to which tags.
#[derive(Deserialize, ToSchema)]
#[schema(as = TagAction)]
pub(super) struct ActionBody {
    /// `create` or `delete`.
    #[schema(required)]
    action: Option<String>,
    #[schema(required)]
    tags: Option<Vec<TagBody>>,
}

/// A tag as callers write it.
#[derive(Deserialize, ToSchema)]
#[schema(as = TagNamed)]
pub(crate) struct TagBody {
    #[schema(required, min_length = 1, max_length = 36)]
    key: Option<String>,
    #[schema(max_length = 43)]
    value: Option<String>,
}

impl TagBody {
    /// Reads a tag.
    ///
    /// # Errors
    /// `InvalidParameter` (`tags`).
    pub(crate) fn tag(self) -> Result<Tag, Refusal> {
        let value = self.value.clone().ok_or(INVALID_TAGS)?;
        Ok(Tag { key: self.key()?, value: TagValue::try_from(value).map_err(|_| INVALID_TAGS)? })
    }

    fn key(self) -> Result<TagKey, Refusal> {
        TagKey::try_from(self.key.unwrap_or_default()).map_err(|_| INVALID_TAGS)
    }
}

const INVALID_TAGS: Refusal = Refusal::InvalidParameter { name: "tags" };

/// Reads what is to happen to which tags. Two of one key are one too many.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`, `InvalidParameter` (`action`, `tags`).
fn read_action(body: &[u8]) -> Result<TagAction, Refusal> {
    let body: ActionBody = mandatory_object(body)?;
    let tags = body.tags.unwrap_or_default();
    let action = match body.action.as_deref() {
        Some("create") => TagAction::Create(tags.into_iter().map(TagBody::tag).collect::<Result<_, _>>()?),
        Some("delete") => TagAction::Delete(tags.into_iter().map(TagBody::key).collect::<Result<_, _>>()?),
        _ => return Err(Refusal::InvalidParameter { name: "action" }),
    };
    let keys: Vec<&TagKey> = match &action {
        TagAction::Create(tags) => tags.iter().map(|tag| &tag.key).collect(),
        TagAction::Delete(keys) => keys.iter().collect(),
    };
    let distinct = keys.iter().enumerate().all(|(position, key)| !keys[..position].contains(key));
    if keys.is_empty() || !distinct { Err(INVALID_TAGS) } else { Ok(action) }
}

#[derive(Serialize, ToSchema)]
pub(super) struct TagsView {
    tags: Vec<TagView>,
}

/// A tag as instances show it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagView {
    key: String,
    value: String,
}

/// Shows tags in their order.
pub(crate) fn tag_views(tags: &Tags) -> Vec<TagView> {
    let view = |tag: &Tag| TagView { key: tag.key.as_str().to_owned(), value: tag.value.as_str().to_owned() };
    tags.iter().map(view).collect()
}

#[derive(Serialize, ToSchema)]
pub(super) struct ProjectTagsView {
    tags: Vec<TagValuesView>,
}

#[derive(Serialize, ToSchema)]
struct TagValuesView {
    key: String,
    values: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_takes_values_and_removing_only_keys() {
        assert!(read_action(br#"{"action": "create", "tags": [{"key": "k", "value": ""}]}"#).is_ok());
        assert!(read_action(br#"{"action": "delete", "tags": [{"key": "k"}]}"#).is_ok());
        for tags in [
            r#"{"action": "create", "tags": [{"key": "k"}]}"#,
            r#"{"action": "create", "tags": [{"value": "v"}]}"#,
            r#"{"action": "create", "tags": [{"key": "k", "value": "a"}, {"key": "k", "value": "b"}]}"#,
            r#"{"action": "create", "tags": []}"#,
            r#"{"action": "delete"}"#,
            r#"{"action": "delete", "tags": [{"key": "a=b"}]}"#,
        ] {
            assert_eq!(read_action(tags.as_bytes()), Err(INVALID_TAGS), "{tags}");
        }
        for body in [r#"{"action": "update", "tags": [{"key": "k", "value": "v"}]}"#, r#"{"tags": []}"#] {
            assert_eq!(
                read_action(body.as_bytes()),
                Err(Refusal::InvalidParameter { name: "action" }),
                "{body}"
            );
        }
    }
}
