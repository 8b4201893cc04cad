//! Answers that follow from instances.
//!
//! Source: docs/contract/dcs-v2.md, section 3.

use serde_json::{Value, json};

use crate::domain::instance::{CacheMode, InstanceStatus};
use crate::http::api::stubs::row::Asked;
use crate::http::time::rfc3339;

/// The bandwidth of an instance and of each of its shards, which cannot be changed.
pub(super) fn bandwidths(asked: &Asked) -> Value {
    let topology = asked.instance.topology();
    let (whole, part) = (topology.bandwidth_mbit, topology.bandwidth_mbit / topology.sharding_count.max(1));
    let groups = asked.instance.node_groups().into_iter().map(|group| {
        json!({
            "group_id": group.id, "updated_at": rfc3339(asked.instance.created_at), "bandwidth": part,
            "max_bandwidth": part, "assured_bandwidth": part,
        })
    });
    let groups: Vec<Value> = groups.collect();
    json!({ "bandwidth": whole, "max_bandwidth": whole, "allow_modify": false, "group_bandwidths": groups })
}

/// The version of an instance, which is the newest of its kind.
pub(super) fn version(asked: &Asked) -> Value {
    let engine = asked.instance.engine_version.as_str();
    let proxy = (asked.instance.cache_mode == CacheMode::Proxy).then_some(engine);
    json!({
        "engine_minor_version": engine,
        "latest_engine_minor_version": engine,
        "proxy_minor_version": proxy,
        "latest_proxy_minor_version": proxy,
        "engine_minor_version_upgradable": false,
        "proxy_minor_version_upgradable": false,
    })
}

/// Whether an operation is possible: it is while the instance runs and nothing else is done on it.
pub(super) fn operations(asked: &Asked) -> Value {
    let instance = asked.instance;
    let is_idle = instance.status == InstanceStatus::Running && instance.task.is_none();
    let operation = asked.context.query.get("operation");
    json!({
        "instance_id": instance.id.to_string(),
        "operations": [{ "operation": operation, "is_support": is_idle, "cause_id": null }],
    })
}

/// The sessions of clients: there are none, as there is no Redis behind an instance.
pub(super) fn sessions(asked: &Asked) -> Value {
    json!({ "time": rfc3339(asked.now), "count": 0, "clients": [] })
}
