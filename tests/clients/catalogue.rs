//! The catalogue and what is beside the emulator's purpose, as the real clients see it.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::expect::{same, same_json};
use crate::session::{MASTER_STANDBY, PROJECT, Session};

fn zones() -> Value {
    json!([
        ["ae04cf9d61544df3806a3feeb401b204", "eu-de-01", "8002", "true"],
        ["d573142f24894ef3bd3664de068b44b0", "eu-de-02", "8003", "true"],
        ["effdcbc7d4d64a02aa1fa26b42f56533", "eu-de-03", "8004", "true"],
    ])
}

fn long_windows() -> Value {
    json!([
        [1, "22", "02", false],
        [2, "02", "06", true],
        [3, "06", "10", false],
        [4, "10", "14", false],
        [5, "14", "18", false],
        [6, "18", "22", false],
    ])
}

/// The CLI lists what a project may have and has: the demo's three instances have 8 GB together.
pub(crate) fn cli_quotas(session: &Session) -> Result<(), Failed> {
    let expected = json!([
        {"quota": 20, "used": 3, "type": "instance", "min": 1, "max": 20, "unit": null},
        {"quota": 512, "used": 8, "type": "ram", "min": 1, "max": 512, "unit": "GB"},
    ]);
    same_json("quotas", &session.openstack(&["dcs", "quota", "list"])?, &expected)
}

/// otcextensions reads products, zones, windows of maintenance and quotas.
pub(crate) fn otc_sdk(session: &Session) -> Result<(), Failed> {
    let seen = session.script("otc_catalogue.py", &[])?;
    same_json("zones", &seen["zones"], &zones())?;
    same_json("windows of maintenance", &seen["windows"], &long_windows())?;
    let quotas = json!([["instance", null, 20, 3, 1, 20], ["ram", "GB", 512, 8, 1, 512]]);
    same_json("quotas", &seen["quotas"], &quotas)?;
    let products = json!([
        ["dcs.memcached.single_node", "dcs.memcached.single_node-h", "memcached", ""],
        ["dcs.master_standby", "dcs.master_standby-h", "redis", "3.0"],
        ["dcs.memcached.master_standby", "dcs.memcached.master_standby-h", "memcached", ""],
    ]);
    same_json("products of the first generation", &seen["first_generation"], &products)
}

/// huaweicloudsdkdcs makes of every answer exactly what was sent, and meets no error but those that are meant.
pub(crate) fn huawei_sdk(session: &Session) -> Result<(), Failed> {
    let seen = session.script("huawei_catalogue.py", &[session.url(), PROJECT, MASTER_STANDBY])?;
    same_json("what the SDK reads otherwise than it was sent", &seen["differences"], &json!([]))?;
    same_json("the region", &seen["region"], &json!("eu-de"))?;
    same_json("zones", &seen["zones"], &zones())?;
    let windows = seen["windows"].as_array().ok_or("no windows")?;
    same("how many windows of maintenance there are", &windows.len(), &30)?;
    same_json("the long windows of maintenance", &json!(windows[..6]), &long_windows())?;
    let quotas = json!([["instance", null, 20, 3], ["ram", "GB", 512, 8]]);
    same_json("quotas", &seen["quotas"], &quotas)?;
    let flavors = json!([
        "redis.ha.xu1.large.r2.2",
        "redis.ha.au1.large.r2.2",
        "redis.ha.xu1.large.r3.2",
        "redis.ha.au1.large.r3.2",
        "redis.ha.xu1.large.r4.2",
        "redis.ha.au1.large.r4.2",
        "redis.ha.xu1.large.r5.2",
        "redis.ha.au1.large.r5.2",
    ]);
    same_json("flavors of 2 GB", &seen["flavors"], &flavors)?;
    same(
        "whether an instance can become something else",
        &(seen["flavors_of_instance"].as_u64() > Some(100)),
        &true,
    )
}
