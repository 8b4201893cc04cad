//! The catalogue: products, zones, windows of maintenance, quotas, trials. All of it only reads.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.25 to 2.29; docs/contract/dcs-v2.md, sections 2.12 to 2.15.

pub(crate) mod view;

use actix_web::HttpResponse;
use serde_json::json;

use crate::domain::id::{DomainId, InstanceId};
use crate::domain::instance::{Capacity, Engine as CacheEngine};
use crate::domain::maintenance::MaintenanceWindow;
use crate::engine::{ApiVersion, Engine, InstanceRef, ProductsQuery};
use crate::http::api::catalog::view::{
    FlavorView, FlavorsView, ProductView, ProductsView, WindowView, WindowsView, ZonesView, quotas_view,
};
use crate::http::context::{ProjectContext, RequestContext, endpoint, endpoint_of_all};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::Query;
use crate::http::route::{GET, RouteEntry, Tag, open, reading, text};

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag =
        Tag { name: "Catalogue", about: "What is sold, where, and how much of it a project may have." };
    const JSON: &str = "application/json";
    TAG.routes([
        open("list_products")
            .summary("Lists everything that is sold")
            .at(GET, "/v1.0/products", endpoint_of_all(list_products))
            .answers::<ProductsView>(),
        open("list_available_zones")
            .summary("Lists the availability zones")
            .at(GET, "/v1.0/availableZones", endpoint_of_all(list_zones))
            .at(GET, "/v2/available-zones", endpoint_of_all(list_zones))
            .answers::<ZonesView>(),
        open("list_maintenance_windows")
            .summary("Lists the windows of maintenance")
            .at(GET, "/v1.0/instances/maintain-windows", endpoint_of_all(list_windows))
            .at(GET, "/v2/instances/maintain-windows", endpoint_of_all(list_windows))
            .answers::<WindowsView>(),
        open("list_trials")
            .summary("Lists what can be had for nothing")
            .at(GET, "/v1.0/{domain_id}/trials", endpoint_of_all(list_trials))
            .answers_any(200, JSON),
        reading("show_quota", "dcs:instance:list")
            .summary("Shows how much a project may have, and has")
            .both(GET, "/quota", endpoint(show_quota))
            .answers_any(200, JSON),
        reading("list_flavors", "dcs:instance:list")
            .summary("Lists what is sold, filtered")
            .v2(GET, "/flavors", endpoint(list_flavors))
            .query(&[
                text("instance_id", "Only what this instance can be resized to."),
                text("spec_code", "Only the product of this code."),
                text("cache_mode", "Only products of this mode."),
                text("engine", "Only products of this engine."),
                text(
                    "engine_version",
                    "Only products that have this version, or all of these, with `;` between.",
                ),
                text("cpu_type", "Only products on this kind of processor."),
                text("capacity", "Only products of this size, in GB."),
            ])
            .answers::<FlavorsView>(),
    ])
}

/// `GET /v1.0/products`: everything that is sold.
async fn list_products(engine: Engine, _call: RequestContext) -> Response {
    let products = engine.list_products(&ProductsQuery::default()).await.or_fail(&codes::INTERNAL)?;
    let zones = engine.zones();
    let products = products.into_iter().map(|product| ProductView::new(product, &zones)).collect();
    Ok(HttpResponse::Ok().json(ProductsView { products }))
}

/// `GET /v2/{project_id}/flavors`: what is sold, filtered by the query.
async fn list_flavors(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let instance_of = |instance_id| InstanceRef { project_id, instance_id };
    let products = match products_query(&context.query, instance_of) {
        Some(query) => engine.list_products(&query).await.or_fail(&codes::INTERNAL)?,
        // A filter that nothing can match is not an error.
        None => Vec::new(),
    };
    let zones = engine.zones();
    let flavors = products.into_iter().map(|product| FlavorView::new(product, &zones)).collect();
    Ok(HttpResponse::Ok().json(FlavorsView { flavors }))
}

/// Reads the filters; `None` if nothing can match them.
fn products_query(query: &Query, instance: impl Fn(InstanceId) -> InstanceRef) -> Option<ProductsQuery> {
    let text = |name| query.get(name).map(str::to_owned);
    let engine = query.get("engine").map(str::parse::<CacheEngine>).transpose().ok()?;
    let gigabytes = query.get("capacity").map(str::parse::<f64>).transpose().ok()?;
    Some(ProductsQuery {
        instance: query.get("instance_id").map(str::parse).transpose().ok()?.map(instance),
        spec_code: text("spec_code"),
        mode: text("cache_mode"),
        engine,
        version: text("engine_version"),
        cpu: text("cpu_type"),
        capacity: gigabytes.map(Capacity::from_gigabytes).transpose().ok()?,
    })
}

/// `GET /v1.0/availableZones` and `GET /v2/available-zones`: the zones of the region.
async fn list_zones(engine: Engine, _call: RequestContext) -> Response {
    Ok(HttpResponse::Ok().json(ZonesView::new(engine.region(), engine.zones())))
}

/// `GET …/instances/maintain-windows`: the windows of maintenance; those of one hour only on v2.
async fn list_windows(_engine: Engine, context: RequestContext) -> Response {
    let shown = match context.api {
        ApiVersion::V1 => MaintenanceWindow::LONG,
        ApiVersion::V2 => usize::MAX,
    };
    let maintain_windows = MaintenanceWindow::all().take(shown).map(WindowView::new).collect();
    Ok(HttpResponse::Ok().json(WindowsView { maintain_windows }))
}

/// `GET …/quota`: how much a project may have, and how much it has.
async fn show_quota(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let failed = ApiError::failing_with(&codes::INTERNAL);
    let (quota, usage) = engine.quota(project_id).await.map_err(&failed)?;
    let mut quotas = quotas_view(quota, usage);
    if context.api == ApiVersion::V1 {
        let domain = engine.domain().await.map_err(&failed)?;
        quotas["resource_user"] = json!({ "tenant_id": domain.id.to_string(), "tenant_name": domain.name });
    }
    Ok(HttpResponse::Ok().json(json!({ "quotas": quotas })))
}

/// What a trial is refused with: no campaign is running.
const NO_CAMPAIGN: &str = "111400129";

/// `GET /v1.0/{domain_id}/trials`: what can be had for nothing. Nothing can.
async fn list_trials(engine: Engine, context: RequestContext) -> Response {
    let domain = engine.domain().await.or_fail(&codes::INTERNAL)?;
    if context.path_part("domain_id").parse::<DomainId>() != Ok(domain.id) {
        return Err(ApiError::NotFound { what: "domain" });
    }
    let trial = |engine, version| json!({ "engine": engine, "version": version, "support": false, "cause_id": NO_CAMPAIGN, "message": "" });
    Ok(HttpResponse::Ok().json(json!({
        "domain_id": domain.id.to_string(),
        "domain_name": domain.name,
        "free_trials": [trial("redis", "3.0")],
        "one_yuan_trials": [],
    })))
}
