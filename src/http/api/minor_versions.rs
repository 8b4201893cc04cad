//! Minor versions of instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 10.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::instance::UpgradeRequest;
use crate::engine::Engine;
use crate::http::context::{InstanceContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible;
use crate::http::route::{GET, POST, RouteEntry, Tag, reading, writing};

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Minor versions", about: "The minor versions of instances." };
    TAG.routes([
        reading("show_instance_version", "dcs:instance:get")
            .summary("Shows the minor versions of an instance, and the latest ones")
            .v2(GET, "/instances/{instance_id}/version", endpoint(show))
            .answers::<VersionView>(),
        writing("upgrade_instance_minor_version", "dcs:instance:upgrade")
            .summary("Brings an instance to the latest minor versions")
            .v2(POST, "/instances/{instance_id}/minor-version/upgrade", endpoint(upgrade))
            .takes::<UpgradeBody>()
            .answers::<UpgradeView>(),
    ])
}

/// `GET …/version`: shows minor versions.
async fn show(engine: Engine, InstanceContext { instance, .. }: InstanceContext) -> Response {
    let found = engine.minor_versions(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let (instance, behind) = found;
    let (engine, proxy) = (instance.latest_minor_version(), instance.latest_proxy_version());
    Ok(HttpResponse::Ok().json(VersionView {
        engine_minor_version_upgradable: behind.engine.is_some(),
        proxy_minor_version_upgradable: behind.proxy.is_some(),
        engine_minor_version: behind.engine.unwrap_or_else(|| engine.to_owned()),
        latest_engine_minor_version: engine,
        proxy_minor_version: behind.proxy.or_else(|| proxy.map(str::to_owned)),
        latest_proxy_minor_version: proxy,
    }))
}

/// `POST …/minor-version/upgrade`: brings an instance to the latest minor versions.
async fn upgrade(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: UpgradeBody = mandatory_object(&context.body)?;
    let order = UpgradeRequest {
        engine: flexible::text(body.engine_minor_version),
        proxy: flexible::text(body.proxy_minor_version),
        ..UpgradeRequest::default()
    };
    let task = engine.upgrade_minor_version(instance, order, (context.failure, context.origin)).await;
    let task_id = task.or_fail(&codes::INSTANCE_SAVE_FAILED)?.to_string();
    Ok(HttpResponse::Ok().json(UpgradeView { task_id }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = MinorVersions)]
struct VersionView {
    engine_minor_version: String,
    latest_engine_minor_version: &'static str,
    proxy_minor_version: Option<String>,
    latest_proxy_minor_version: Option<&'static str>,
    engine_minor_version_upgradable: bool,
    proxy_minor_version_upgradable: bool,
}

/// At least one of them.
#[derive(Deserialize, ToSchema)]
#[schema(as = MinorVersionUpgrade)]
struct UpgradeBody {
    /// `latest`, or the latest version.
    engine_minor_version: Option<String>,
    proxy_minor_version: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MinorVersionUpgradeTask)]
struct UpgradeView {
    task_id: String,
}
