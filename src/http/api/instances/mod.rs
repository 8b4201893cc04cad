//! Instances: get and list, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.8 and 2.9; docs/contract/dcs-v2.md, section 2.3.

pub(in crate::http) mod batch;
pub(in crate::http) mod counts;
pub(in crate::http) mod create;
pub(in crate::http) mod delete;
pub(in crate::http) mod password;
pub(in crate::http) mod placement;
pub(in crate::http) mod policy;
pub(in crate::http) mod resize;
pub(in crate::http) mod status;
pub(in crate::http) mod update;
pub(in crate::http) mod view;

use actix_web::HttpResponse;

use crate::engine::{ApiVersion, Engine};
use crate::http::api::instances::view::{InstanceView, InstancesView, WholeInstanceView, WholeInstancesView};
use crate::http::api::v1;
use crate::http::api::v2;
use crate::http::context::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::openapi::describe::{Family, describe};
use crate::http::operation;

/// Describes the operations.
pub(in crate::http) fn family() -> Family {
    let shown = vec![
        describe(&operation::GET_INSTANCE, "Shows an instance")
            .spoken_in(ApiVersion::V1)
            .answers::<InstanceView>(),
        describe(&operation::GET_INSTANCE, "Shows an instance")
            .spoken_in(ApiVersion::V2)
            .answers::<WholeInstanceView>(),
        describe(&operation::LIST_INSTANCES, "Lists the instances of a project, newest first")
            .spoken_in(ApiVersion::V1)
            .query(v1::INSTANCES_QUERY)
            .answers::<InstancesView>(),
        describe(&operation::LIST_INSTANCES, "Lists the instances of a project, newest first")
            .spoken_in(ApiVersion::V2)
            .query(v2::INSTANCES_QUERY)
            .answers::<WholeInstancesView>(),
    ];
    let changed = [
        create::described(),
        update::described(),
        delete::described(),
        placement::described(),
        status::described(),
        resize::described(),
        counts::described(),
        password::described(),
    ];
    Family {
        name: "Instances",
        about: "Cache instances.",
        operations: shown.into_iter().chain(changed.into_iter().flatten()).collect(),
    }
}

/// `GET …/instances/{instance_id}`: shows an instance.
pub(in crate::http) async fn get_instance(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let (instance, now) =
        engine.get_instance(instance).await.map_err(ApiError::failing_with(&codes::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstanceView::of_one(instance, call.api, now)))
}

/// `GET …/instances`: lists the instances of a project, newest first.
pub(in crate::http) async fn list_instances(
    engine: Engine,
    ProjectCall { call, project_id }: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    let query = match call.api {
        ApiVersion::V1 => v1::instances_query(&call.query)?,
        ApiVersion::V2 => v2::instances_query(&call.query)?,
    };
    let Some(query) = query else {
        // A filter that nothing can match is not an error.
        return Ok(HttpResponse::Ok().json(InstancesView::empty()));
    };
    let (page, now) = engine
        .list_instances(project_id, query)
        .await
        .map_err(ApiError::failing_with(&codes::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstancesView::new(page, call.api, now)))
}
