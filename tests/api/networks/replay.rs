//! The whole life of a module, request by request as the code of each provider sends it: a VPC, a subnet, a security group with a rule, an
//! instance with its whitelist and a backup; then a second plan, a change, an import, the destruction. Neither provider runs here: this is
//! a replay of what their source sends, in its order (wire contract of the networks, section 9).

use serde_json::{Value, json};

use super::{Shape, assert_refused, everything};
use crate::support::seed::PROJECT;
use crate::support::{Answer, Api, TestServer, each, text};

/// A client of a cloud: every request names the host of its service.
struct Client<'s> {
    server: &'s TestServer,
    /// What stands behind the name of a service.
    domain: &'static str,
}

impl Client<'_> {
    async fn ask(&self, service: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let host = format!("{service}.{}", self.domain);
        let call = self.server.call(method, path).header("host", &host).header("x-project-id", PROJECT);
        match body {
            Some(body) => call.json(&body).send().await,
            None => call.send().await,
        }
    }

    async fn get(&self, service: &str, path: &str) -> Value {
        let answer = self.ask(service, "GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Sends what makes or changes something, which must be answered as the client wants it.
    async fn send(&self, service: &str, method: &str, path: &str, body: Value, status: u16) -> Value {
        let answer = self.ask(service, method, path, Some(body)).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Deletes as both providers do: asked for, deleted, asked for again until it is gone.
    async fn destroy(&self, service: &str, shown: &str, deleted: &str) {
        self.get(service, shown).await;
        let answer = self.ask(service, "DELETE", deleted, None).await;
        assert_eq!(answer.status, 204, "{deleted}: {answer:?}");
        assert_eq!(self.ask(service, "GET", shown, None).await.status, 404, "{shown}");
    }

    /// The instance, its whitelist and a backup, as both providers make them on v2.
    async fn instance(&self, vpc: &str, subnet: &str, zones: &[String]) -> String {
        let order = json!({
            "name": "cache", "engine": "Redis", "engine_version": "5.0", "capacity": 2, "vpc_id": vpc, "subnet_id": subnet,
            "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": zones, "password": "Secret-12", "instance_num": 1,
            "instance_backup_policy": {"backup_type": "auto", "save_days": 3, "periodical_backup_plan": {
                "begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": [1, 3]}},
        });
        let made = self.send("dcs", "POST", &Api::V2.instances(PROJECT), order, 200).await;
        let id = text(&made["instances"][0]["instance_id"]);
        let shown = self.get("dcs", &Api::V2.instance(&id)).await;
        assert_eq!((&shown["status"], &shown["task"]), (&json!("RUNNING"), &Value::Null));
        let whitelist = json!({"enable_whitelist": true, "whitelist": [{"group_name": "all", "ip_list": ["10.0.0.0/8"]}]});
        self.send("dcs", "PUT", &format!("/v2/{PROJECT}/instance/{id}/whitelist"), whitelist, 204).await;
        self.send("dcs", "POST", &Api::V2.backups(&id), json!({"remark": "first"}), 200).await;
        id
    }

    async fn end_of_instance(&self, id: &str) {
        let answer = self.ask("dcs", "DELETE", &Api::V2.instance(id), None).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(self.ask("dcs", "GET", &Api::V2.instance(id), None).await.status, 404);
    }
}

#[tokio::test]
async fn a_replay_of_a_module_of_the_huaweicloud_provider() {
    let server = TestServer::start().await;
    let at_first = everything(&server).await;
    let client = Client { server: &server, domain: "cn-north-4.myhuaweicloud.com" };
    let v1 = |rest: &str| format!("/v1/{PROJECT}/{rest}");
    let v3 = |rest: &str| format!("/v3/{PROJECT}/vpc/{rest}");
    let tags = |things: &str, id: &str| format!("/v2.0/{PROJECT}/{things}/{id}/tags");

    // apply
    let body = json!({"vpc": {"name": "net", "cidr": "172.16.0.0/16", "description": "", "enterprise_project_id": "0"}});
    let vpc = text(&client.send("vpc", "POST", &v1("vpcs"), body, 200).await["vpc"]["id"]);
    let one_vpc = v1(&format!("vpcs/{vpc}"));
    assert_eq!(client.get("vpc", &one_vpc).await["vpc"]["status"], "OK");
    let action = json!({"action": "create", "tags": [{"key": "team", "value": "a"}]});
    client.send("vpc", "POST", &format!("{}/action", tags("vpcs", &vpc)), action, 204).await;
    client.get("dns", "/v2/nameservers?region=cn-north-4").await;
    let body = json!({"subnet": {
        "name": "inner", "cidr": "172.16.1.0/24", "gateway_ip": "172.16.1.1", "vpc_id": vpc, "dhcp_enable": true,
        "primary_dns": "100.125.1.250", "secondary_dns": "100.125.129.250", "dnsList": ["100.125.1.250", "100.125.129.250"],
    }});
    let subnet = text(&client.send("vpc", "POST", &v1("subnets"), body, 200).await["subnet"]["id"]);
    let one_subnet = v1(&format!("subnets/{subnet}"));
    assert_eq!(client.get("vpc", &one_subnet).await["subnet"]["status"], "ACTIVE");
    let body = json!({"security_group": {"name": "guard", "enterprise_project_id": "0"}});
    let group = client.send("vpc", "POST", &v3("security-groups"), body, 201).await["security_group"].take();
    let group = text(&group["id"]);
    let body = json!({"security_group": {"name": "guard", "description": "of the cache"}});
    client.send("vpc", "PUT", &v3(&format!("security-groups/{group}")), body, 200).await;
    let one_group = v1(&format!("security-groups/{group}"));
    let body = json!({"security_group_rule": {
        "security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "multiport": "6379",
        "remote_ip_prefix": "172.16.0.0/16", "action": "allow", "priority": 1, "description": "",
    }});
    let rule = client.send("vpc", "POST", &v3("security-group-rules"), body, 201).await;
    let rule = text(&rule["security_group_rule"]["id"]);
    let one_rule = v1(&format!("security-group-rules/{rule}"));
    let zones = client.get("ecs", &format!("/v2.1/{PROJECT}/os-availability-zone")).await;
    let zones = each(&zones["availabilityZoneInfo"], "zoneName").iter().map(text).take(2).collect::<Vec<_>>();
    let id = client.instance(&vpc, &subnet, &zones).await;

    // A second plan reads what was sent.
    let plan = async || {
        let mut read = Vec::new();
        for path in [
            one_vpc.clone(),
            v3(&format!("vpcs/{vpc}")),
            tags("vpcs", &vpc),
            one_subnet.clone(),
            tags("subnets", &subnet),
            one_group.clone(),
            v3(&format!("security-groups/{group}")),
            tags("security-groups", &group),
            one_rule.clone(),
            v3(&format!("security-group-rules/{rule}")),
        ] {
            let mut shown = client.get("vpc", &path).await;
            shown["request_id"].take();
            read.push(shown);
        }
        read
    };
    let read = plan().await;
    assert_eq!(
        (&read[0]["vpc"]["cidr"], &read[0]["vpc"]["description"]),
        (&json!("172.16.0.0/16"), &json!(""))
    );
    assert_eq!(read[2]["tags"], json!([{"key": "team", "value": "a"}]));
    assert_eq!(read[3]["subnet"]["dnsList"], json!(["100.125.1.250", "100.125.129.250"]));
    assert_eq!(read[6]["security_group"]["description"], "of the cache");
    assert_eq!(read[9]["security_group_rule"]["multiport"], "6379");
    assert_eq!(plan().await, read);
    let shown = client.get("dcs", &Api::V2.instance(&id)).await;
    assert_eq!((&shown["vpc_id"], &shown["subnet_id"]), (&json!(vpc), &json!(subnet)));
    assert_eq!((&shown["vpc_name"], &shown["subnet_name"]), (&json!("net"), &json!("inner")));
    assert!(text(&shown["ip"]).starts_with("172.16.1."), "{}", shown["ip"]);

    // Data sources find the same.
    let vpcs = client.get("vpc", &v1("vpcs?enterprise_project_id=all_granted_eps")).await["vpcs"].take();
    assert_eq!(each(&vpcs, "name"), ["vpc-default", "net"]);
    let page = client.get("vpc", &v3("security-groups?name=guard")).await;
    assert_eq!(each(&page["security_groups"], "id"), [group.as_str()]);
    let rest = client.get("vpc", &v3(&format!("security-groups?name=guard&marker={group}"))).await;
    assert_eq!(rest["security_groups"], json!([]));

    // A change, and back.
    let body = json!({"vpc": {"name": "net-2", "cidr": "172.16.0.0/16", "description": "changed"}});
    client.send("vpc", "PUT", &one_vpc, body, 200).await;
    let body = json!({"subnet": {"name": "inner-2", "dhcp_enable": true, "dnsList": []}});
    client.send("vpc", "PUT", &v1(&format!("vpcs/{vpc}/subnets/{subnet}")), body, 200).await;
    assert_eq!(client.get("vpc", &one_subnet).await["subnet"]["dnsList"], json!([]));
    assert_eq!(client.get("dcs", &Api::V2.instance(&id)).await["vpc_name"], "net-2");

    // destroy: what is in use waits for what uses it.
    let in_use = client.ask("vpc", "DELETE", &v1(&format!("vpcs/{vpc}/subnets/{subnet}")), None).await;
    assert_refused(&in_use, Shape::V1, 409, "VPC.0209");
    client.end_of_instance(&id).await;
    client.destroy("vpc", &one_rule, &one_rule).await;
    client.destroy("vpc", &one_group, &one_group).await;
    client.destroy("vpc", &one_subnet, &v1(&format!("vpcs/{vpc}/subnets/{subnet}"))).await;
    client.destroy("vpc", &one_vpc, &one_vpc).await;
    assert_eq!(everything(&server).await, at_first);
}

#[tokio::test]
async fn a_replay_of_a_module_of_the_opentelekomcloud_provider() {
    let server = TestServer::start().await;
    let at_first = everything(&server).await;
    let client = Client { server: &server, domain: "eu-de.otc.t-systems.com" };
    let v1 = |rest: &str| format!("/v1/{PROJECT}/{rest}");
    let tags = |things: &str, id: &str| format!("/v2.0/{PROJECT}/{things}/{id}/tags");

    // apply
    let body = json!({"vpc": {"name": "net", "cidr": "192.168.0.0/16"}});
    let vpc = text(&client.send("vpc", "POST", &v1("vpcs"), body, 200).await["vpc"]["id"]);
    let one_vpc = v1(&format!("vpcs/{vpc}"));
    assert_eq!(client.get("vpc", &one_vpc).await["vpc"]["status"], "OK");
    client.send("vpc", "PUT", &one_vpc, json!({"vpc": {"enable_shared_snat": true}}), 200).await;
    let action = json!({"action": "create", "tags": [{"key": "team", "value": "a"}]});
    client.send("vpc", "POST", &format!("{}/action", tags("vpcs", &vpc)), action, 204).await;
    let add = format!("/v3/{PROJECT}/vpc/vpcs/{vpc}/add-extend-cidr");
    client.send("vpc", "PUT", &add, json!({"vpc": {"extend_cidrs": ["23.9.0.0/16"]}}), 200).await;
    let body = json!({"subnet": {
        "name": "inner", "cidr": "192.168.7.0/24", "gateway_ip": "192.168.7.1", "vpc_id": vpc, "dhcp_enable": true,
        "primary_dns": "100.125.4.25", "secondary_dns": "100.125.129.199",
    }});
    let subnet = text(&client.send("vpc", "POST", &v1("subnets"), body, 200).await["subnet"]["id"]);
    let one_subnet = v1(&format!("subnets/{subnet}"));
    assert_eq!(client.get("vpc", &one_subnet).await["subnet"]["status"], "ACTIVE");
    let body = json!({"security_group": {"name": "guard", "description": "of the cache"}});
    let group = client.send("vpc", "POST", "/v2.0/security-groups", body, 201).await["security_group"].take();
    let group = text(&group["id"]);
    let one_group = format!("/v2.0/security-groups/{group}");
    let body = json!({"security_group_rule": {
        "security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 6379,
        "port_range_max": 6379, "remote_ip_prefix": "192.168.0.0/16",
    }});
    let rule = client.send("vpc", "POST", "/v2.0/security-group-rules", body, 201).await;
    let one_rule = format!("/v2.0/security-group-rules/{}", text(&rule["security_group_rule"]["id"]));
    let zones = client.get("dcs", "/v1.0/availableZones").await;
    let zones = each(&zones["available_zones"], "code").iter().map(text).take(2).collect::<Vec<_>>();
    let id = client.instance(&vpc, &subnet, &zones).await;

    // A second plan reads what was sent.
    let plan = async || {
        let mut read = Vec::new();
        for path in [
            one_vpc.clone(),
            tags("vpcs", &vpc),
            format!("/v3/{PROJECT}/vpc/vpcs/{vpc}"),
            one_subnet.clone(),
            tags("subnets", &subnet),
            one_group.clone(),
            one_rule.clone(),
        ] {
            let mut shown = client.get("vpc", &path).await;
            shown["request_id"].take();
            read.push(shown);
        }
        read
    };
    let read = plan().await;
    assert_eq!(read[0]["vpc"]["enable_shared_snat"], true);
    assert_eq!(read[2]["vpc"]["extend_cidrs"], json!(["23.9.0.0/16"]));
    assert_eq!(read[4]["tags"], json!([]));
    assert_eq!(read[5]["security_group"]["security_group_rules"].as_array().unwrap().len(), 5);
    assert_eq!(plan().await, read);
    let shown = client.get("dcs", &Api::V1.instance(&id)).await;
    assert_eq!((&shown["vpc_name"], &shown["subnet_name"]), (&json!("net"), &json!("inner")));

    // Data sources find the same.
    let networks =
        client.get("vpc", &format!("/v2.0/networks?status=ACTIVE&id={subnet}")).await["networks"].take();
    assert_eq!(each(&networks, "name"), ["inner"]);
    let groups = client.get("vpc", "/v2.0/security-groups?name=default").await["security_groups"].take();
    assert_eq!(each(&groups, "name"), ["default"]);

    // A change.
    client.send("vpc", "PUT", &one_vpc, json!({"vpc": {"name": "net-2"}}), 200).await;
    let body = json!({"security_group": {"name": "guard", "description": "changed"}});
    client.send("vpc", "PUT", &one_group, body, 200).await;

    // destroy: a VPC that is in use is the end of it, so nothing is asked for too early.
    client.end_of_instance(&id).await;
    client.destroy("vpc", &one_rule, &one_rule).await;
    client.destroy("vpc", &one_group, &one_group).await;
    client.destroy("vpc", &one_subnet, &v1(&format!("vpcs/{vpc}/subnets/{subnet}"))).await;
    client.destroy("vpc", &one_vpc, &one_vpc).await;
    assert_eq!(everything(&server).await, at_first);
}
