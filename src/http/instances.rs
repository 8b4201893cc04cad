//! Instances: get and list, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.8 and 2.9; docs/contract/dcs-v2.md, section 2.3.

use actix_web::HttpResponse;

use crate::engine::{ApiVersion, Engine};
use crate::http::endpoint::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::instance_view::{InstanceView, InstancesView, WholeInstanceView, WholeInstancesView};
use crate::http::openapi::describe::{Family, describe};
use crate::http::{
    error_code, instance_counts, instance_creation, instance_deletion, instance_password, instance_placement,
    instance_size, instance_status, instance_update, operation, v1, v2,
};

/// Describes the operations.
pub(super) fn family() -> Family {
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
        instance_creation::described(),
        instance_update::described(),
        instance_deletion::described(),
        instance_placement::described(),
        instance_status::described(),
        instance_size::described(),
        instance_counts::described(),
        instance_password::described(),
    ];
    Family {
        name: "Instances",
        about: "Cache instances.",
        operations: shown.into_iter().chain(changed.into_iter().flatten()).collect(),
    }
}

/// `GET …/instances/{instance_id}`: shows an instance.
pub(super) async fn get_instance(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let (instance, now) = engine
        .get_instance(instance)
        .await
        .map_err(ApiError::failing_with(&error_code::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstanceView::of_one(instance, call.api, now)))
}

/// `GET …/instances`: lists the instances of a project, newest first.
pub(super) async fn list_instances(
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
        .map_err(ApiError::failing_with(&error_code::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstancesView::new(page, call.api, now)))
}
