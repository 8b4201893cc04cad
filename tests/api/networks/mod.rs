//! What a configuration names on the way to an instance (wire contract of the networks, sections 2 to 4 and 6).

pub(crate) mod durable;
pub(crate) mod enterprise_projects;
pub(crate) mod groups;
pub(crate) mod placing;
pub(crate) mod public_ips;
pub(crate) mod replay;
pub(crate) mod seeds;
pub(crate) mod subnets;
pub(crate) mod vpcs;

use serde_json::{Value, json};

use crate::support::seed::{OTHER_PROJECT, PROJECT};
use crate::support::{Answer, TestServer, text};

/// The shapes in which refusals come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    V1,
    Neutron,
    V3,
    EnterpriseProjects,
}

/// Makes sure that an answer refuses, with a status and a code (or a type), in a shape.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, shape: Shape, status: u16, code: &str) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    let (found, message) = match shape {
        Shape::V1 => (&body["code"], &body["message"]),
        Shape::Neutron => (&body["NeutronError"]["type"], &body["NeutronError"]["message"]),
        Shape::V3 => (&body["error_code"], &body["error_msg"]),
        Shape::EnterpriseProjects => (&body["error"]["error_code"], &body["error"]["error_msg"]),
    };
    assert_eq!(found, code, "{body}");
    assert!(!text(message).is_empty(), "{body}");
}

/// The path of something of [`PROJECT`] in the first version.
pub(crate) fn v1(rest: &str) -> String {
    format!("/v1/{PROJECT}/{rest}")
}

/// The path of something of [`PROJECT`] in the third version.
pub(crate) fn v3(rest: &str) -> String {
    format!("/v3/{PROJECT}/vpc/{rest}")
}

/// Asks for something whose path names no project, in [`PROJECT`].
pub(crate) async fn v2(server: &TestServer, method: &str, rest: &str, body: Option<&Value>) -> Answer {
    let call = server.call(method, &format!("/v2.0/{rest}")).header("x-project-id", PROJECT);
    match body {
        Some(body) => call.json(body).send().await,
        None => call.send().await,
    }
}

pub(crate) async fn put(server: &TestServer, path: &str, body: &Value) -> Answer {
    server.call("PUT", path).json(body).send().await
}

/// Makes a VPC; returns its id.
pub(crate) async fn vpc(server: &TestServer, name: &str, cidr: &str) -> String {
    let made = server.post(&v1("vpcs"), &json!({"vpc": {"name": name, "cidr": cidr}})).await.ok();
    text(&made["vpc"]["id"])
}

/// Makes a subnet of a VPC; returns its id.
pub(crate) async fn subnet(server: &TestServer, vpc: &str, cidr: &str) -> String {
    let gateway = format!("{}.1", cidr.rsplit_once('.').expect("a range").0);
    let body = json!({"subnet": {"name": "s", "vpc_id": vpc, "cidr": cidr, "gateway_ip": gateway}});
    text(&server.post(&v1("subnets"), &body).await.ok()["subnet"]["id"])
}

/// Returns the whole network of a project, as far as answers show it.
pub(crate) async fn everything(server: &TestServer) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["vpcs", "subnets", "security-groups", "security-group-rules", "publicips"] {
        all.push(server.get(&v1(path)).await.ok());
    }
    let mut balancers = server.get(&format!("/v3/{PROJECT}/elb/loadbalancers")).await.ok();
    all.push(balancers["loadbalancers"].take());
    all
}

/// A path of a project in which nothing was made.
pub(crate) fn elsewhere(rest: &str) -> String {
    format!("/v1/{OTHER_PROJECT}/{rest}")
}
