//! What a region has: zones, and name servers.

use serde_json::{Value, json};

use super::context::json as answer;
use crate::domain::builtin;
use crate::engine::Engine;
use crate::http::context::{ProjectContext, RequestContext};
use crate::http::error::Response;

/// `GET /v2.1/{project_id}/os-availability-zone`.
pub(super) async fn list(engine: Engine, _call: ProjectContext) -> Response {
    let zone =
        |zone: builtin::Zone| json!({"zoneName": zone.code, "zoneState": {"available": true}, "hosts": null});
    let zones: Vec<Value> = engine.zones().map(zone).into();
    Ok(answer(&json!({ "availabilityZoneInfo": zones })))
}

/// `GET /v2/nameservers`.
pub(super) async fn list_name_servers(engine: Engine, context: RequestContext) -> Response {
    let region = context.query.get("region").unwrap_or(engine.region());
    let record =
        |(number, address): (usize, &str)| json!({"hostname": "", "address": address, "priority": number});
    let records: Vec<Value> = (1..).zip(["100.125.4.25", "100.125.129.199"]).map(record).collect();
    let servers = json!([{"type": "private", "region": region, "ns_records": records}]);
    Ok(answer(&json!({ "nameservers": servers })))
}
