//! The commands that have another name.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::Engine;
use crate::http::context::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation;

/// Describes the operation.
pub(super) fn described() -> Vec<Description> {
    vec![
        describe(&operation::LIST_RENAMED_COMMANDS, "Lists the commands that have another name")
            .answers::<RenamedView>(),
    ]
}

/// `GET …/rename-commands`: lists the commands that have another name, without telling it.
pub(in crate::http) async fn list_renamed_commands(
    engine: Engine,
    InstanceCall { instance, .. }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let found = engine.get_instance(instance).await;
    let (instance, _) = found.map_err(ApiError::failing_with(&codes::INSTANCE_QUERY_FAILED))?;
    let rename_commands = instance.rename_commands.as_map().keys().map(String::as_str).collect();
    Ok(HttpResponse::Ok().json(RenamedView { rename_commands }))
}

#[derive(Serialize, ToSchema)]
struct RenamedView<'i> {
    rename_commands: Vec<&'i str>,
}
