//! Answers that follow from an instance.
//!
//! Source: wire contract v2, section 3.

use serde_json::{Value, json};

use crate::domain::instance::{CacheMode, InstanceStatus};
use crate::http::fringe::Asked;
use crate::http::nodes::replications;
use crate::http::time::rfc3339;

/// The bandwidth of an instance, which cannot be changed.
pub(super) fn bandwidths(asked: &Asked) -> Value {
    let bandwidth = asked.instance.topology().bandwidth_mbit;
    json!({ "bandwidth": bandwidth, "max_bandwidth": bandwidth, "allow_modify": false, "group_bandwidths": [] })
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
    let operation = asked.call.query.get("operation");
    json!({
        "instance_id": instance.id.to_string(),
        "operations": [{ "operation": operation, "is_support": is_idle, "cause_id": null }],
    })
}

/// The sessions of clients: there are none, as there is no Redis behind an instance.
pub(super) fn sessions(asked: &Asked) -> Value {
    json!({ "time": rfc3339(asked.now), "count": 0, "clients": [] })
}

/// The nodes of a shard; of one that is not there, none.
pub(super) fn nodes_of_group(asked: &Asked) -> Value {
    let groups = asked.instance.node_groups();
    let group = groups.iter().find(|group| group.id.to_string() == asked.call.path_part("group_id"));
    json!(group.map_or_else(Vec::new, |group| replications(asked.instance, group)))
}
