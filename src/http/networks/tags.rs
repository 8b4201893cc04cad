//! Tags of what is in a network.

use serde::Deserialize;
use serde_json::json;

use super::context::{change, id_of, json as answer, network, nothing, refused};
use crate::domain::networks::{NetworkKind, NetworkRefusal, NetworkTag};
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::Response;
use crate::http::extract::mandatory_object;

#[derive(Deserialize)]
struct Body {
    action: String,
    tags: Vec<NetworkTag>,
}

/// `GET /v2.0/{project_id}/…/{id}/tags`.
pub(super) async fn list_tags(engine: Engine, call: ProjectContext, kind: NetworkKind) -> Response {
    let id = id_of(&call, "id", kind)?;
    let network = network(&engine, &call).await?;
    Ok(answer(&json!({ "tags": network.find(kind, id).map_err(refused)?.tags() })))
}

/// `POST /v2.0/{project_id}/…/{id}/tags/action`.
pub(super) async fn change_tags(engine: Engine, call: ProjectContext, kind: NetworkKind) -> Response {
    let id = id_of(&call, "id", kind)?;
    let body: Body = mandatory_object(&call.context.body)?;
    let is_removal = match body.action.as_str() {
        "create" => false,
        "delete" => true,
        _ => return Err(refused(NetworkRefusal::Invalid { kind, name: "action" })),
    };
    let work = change(&engine, &call, move |network, _| {
        network.change_tags(kind, id, &body.tags, is_removal).map(|()| id)
    });
    work.await?;
    Ok(nothing())
}
