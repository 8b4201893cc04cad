//! The whole life of a module, request by request as the code of each provider sends it: a VPC, a subnet, a security group with a rule, an
//! instance with parameters, whitelist, backup policy, account and a backup, and of one cloud its public access; then a second plan, a
//! change, an import, the destruction. Neither provider runs here: this is a replay of what their source sends, in its order, by HTTPS to
//! the hosts of the clouds (wire contract of the networks, section 9).

use serde_json::{Value, json};

use super::{Shape, assert_refused, everything};
use crate::support::seed::PROJECT;
use crate::support::{Answer, Api, TestServer, each, text};

/// A client of a cloud: every request goes by HTTPS to the host of its service, as it is called there.
struct Client<'s> {
    server: &'s TestServer,
    /// What stands behind the name of a service.
    domain: &'static str,
}

impl Client<'_> {
    async fn ask(&self, service: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let host = format!("{service}.{}", self.domain);
        let project = [("X-Project-Id", PROJECT)];
        self.server.by_https(&host, (method, path), &project, body.as_ref()).await
    }

    async fn get(&self, service: &str, path: &str) -> Value {
        let answer = self.ask(service, "GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Sends what makes or changes something, which must be answered as the client wants it.
    async fn send(&self, service: &str, method: &str, path: &str, body: Value, status: u16) -> Value {
        let answer = self.ask(service, method, path, Some(body).filter(|body| !body.is_null())).await;
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

    /// The instance, its parameters, whitelist, account and a backup, as both providers make them on v2.
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
        let configs =
            json!({"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "300"}]});
        self.send("dcs", "PUT", &format!("{}/configs", Api::V2.instance(&id)), configs, 204).await;
        let account =
            json!({"account_name": "reader", "account_role": "read", "account_password": "Secret-34"});
        self.send("dcs", "POST", &format!("{}/accounts", Api::V2.instance(&id)), account, 200).await;
        self.send("dcs", "POST", &Api::V2.backups(&id), json!({"remark": "first"}), 200).await;
        id
    }

    /// What a refresh reads of an instance and of what it has.
    async fn read_instance(&self, id: &str) -> Vec<Value> {
        let one = Api::V2.instance(id);
        let shown = self.get("dcs", &one).await;
        let whitelist = self.get("dcs", &format!("/v2/{PROJECT}/instance/{id}/whitelist")).await;
        let configs = self.get("dcs", &format!("{one}/configs")).await;
        let accounts = self.get("dcs", &format!("{one}/accounts")).await;
        let backups = self.get("dcs", &format!("{one}/backups")).await;
        assert_eq!((&shown["status"], &shown["task"]), (&json!("RUNNING"), &Value::Null));
        assert_eq!(shown["instance_backup_policy"]["policy"]["save_days"], 3);
        assert_eq!(whitelist["whitelist"][0]["ip_list"], json!(["10.0.0.0/8"]));
        let rows = configs["redis_config"].as_array().expect("a list");
        let timeout = rows.iter().find(|row| row["param_name"] == "timeout").expect("it is listed");
        assert_eq!(timeout["param_value"], "300");
        assert_eq!(each(&accounts["accounts"], "account_name"), ["default", "reader"]);
        assert_eq!(backups["backup_record_response"][0]["remark"], "first");
        vec![shown, whitelist, configs, accounts, backups]
    }

    async fn enterprise_project(&self) -> String {
        let body = json!({"name": "team", "description": ""});
        let made = self.send("eps", "POST", "/v1.0/enterprise-projects", body, 201).await;
        let id = text(&made["enterprise_project"]["id"]);
        let shown = self.get("eps", &format!("/v1.0/enterprise-projects/{id}")).await;
        assert_eq!(shown["enterprise_project"]["status"], 1);
        id
    }

    /// Unless it is told to delete it, the provider only disables an enterprise project.
    async fn end_of_enterprise_project(&self, id: &str) {
        let one = format!("/v1.0/enterprise-projects/{id}");
        self.send("eps", "POST", &format!("{one}/action"), json!({"action": "disable"}), 204).await;
        assert_eq!(self.get("eps", &one).await["enterprise_project"]["status"], 2);
    }

    async fn end_of_instance(&self, id: &str) {
        let answer = self.ask("dcs", "DELETE", &Api::V2.instance(id), None).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(self.ask("dcs", "GET", &Api::V2.instance(id), None).await.status, 404);
    }
}

fn without_request_id(mut shown: Value) -> Value {
    shown["request_id"].take();
    shown
}

/// What opens an instance to the public: an address, a load balancer, one bound to the other.
struct PublicAccess {
    ip: String,
    bandwidth: String,
    load_balancer: String,
}

impl PublicAccess {
    async fn opened(client: &Client<'_>, instance: &str, subnet: &str, zones: &[String]) -> Self {
        let body = json!({
            "publicip": {"type": "5_bgp", "ip_version": 4},
            "bandwidth": {"name": "wide", "size": 5, "share_type": "PER", "charge_mode": "traffic"},
        });
        let made = client.send("vpc", "POST", &format!("/v1/{PROJECT}/publicips"), body, 200).await;
        let ip = text(&made["publicip"]["id"]);
        let shown = client.get("vpc", &format!("/v1/{PROJECT}/publicips/{ip}")).await;
        assert_eq!(shown["publicip"]["status"], "DOWN");
        let below = client.get("vpc", &format!("/v1/{PROJECT}/subnets/{subnet}")).await;
        let body = json!({"loadbalancer": {
            "name": "front", "availability_zone_list": zones, "ip_target_enable": true,
            "vip_subnet_cidr_id": below["subnet"]["neutron_subnet_id"], "elb_virsubnet_ids": [subnet],
        }});
        let made = client.send("elb", "POST", &format!("/v3/{PROJECT}/elb/loadbalancers"), body, 201).await;
        let access = Self {
            ip,
            bandwidth: text(&shown["publicip"]["bandwidth_id"]),
            load_balancer: text(&made["loadbalancer"]["id"]),
        };
        let [(_, ip), (_, load_balancer), ..] = access.read();
        let shown = client.get("elb", &load_balancer).await;
        assert_eq!(shown["loadbalancer"]["provisioning_status"], "ACTIVE");
        let body = json!({"publicip": {"associate_instance_type": "ELB", "associate_instance_id": access.load_balancer}});
        client.send("vpc", "POST", &format!("{ip}/associate-instance"), body, 200).await;
        let opened = format!("{}/public-ip", Api::V2.instance(instance));
        client.send("dcs", "POST", &opened, json!({"elb_id": access.load_balancer}), 200).await;
        let shown = client.get("dcs", &Api::V2.instance(instance)).await;
        assert_eq!(shown["publicip_info"]["eip_id"], access.ip);
        access
    }

    /// What a refresh reads of it.
    fn read(&self) -> [(&'static str, String); 4] {
        [
            ("vpc", format!("/v3/{PROJECT}/eip/publicips/{}", self.ip)),
            ("elb", format!("/v3/{PROJECT}/elb/loadbalancers/{}", self.load_balancer)),
            ("vpc", format!("/v1/{PROJECT}/publicips/{}", self.ip)),
            ("vpc", format!("/v1/{PROJECT}/bandwidths/{}", self.bandwidth)),
        ]
    }

    async fn closed(&self, client: &Client<'_>, instance: &str) {
        let [(_, ip), (_, load_balancer), (_, ip_v1), _] = self.read();
        let opened = format!("{}/public-ip", Api::V2.instance(instance));
        client.send("dcs", "DELETE", &opened, Value::Null, 200).await;
        let shown = client.get("dcs", &Api::V2.instance(instance)).await;
        assert_eq!(shown["publicip_info"], Value::Null);
        client.send("vpc", "POST", &format!("{ip}/disassociate-instance"), Value::Null, 200).await;
        assert_eq!(client.get("vpc", &ip).await["publicip"]["associate_instance_id"], Value::Null);
        client.destroy("elb", &load_balancer, &load_balancer).await;
        client.destroy("vpc", &ip_v1, &ip_v1).await;
    }
}

#[tokio::test]
async fn a_replay_of_a_module_of_the_huaweicloud_provider() {
    let server = TestServer::with(&[("tls.mode", "self-signed"), ("cloud.profile", "huaweicloud")]).await;
    let at_first = everything(&server).await;
    let client = Client { server: &server, domain: "cn-north-4.myhuaweicloud.com" };
    let v1 = |rest: &str| format!("/v1/{PROJECT}/{rest}");
    let v3 = |rest: &str| format!("/v3/{PROJECT}/vpc/{rest}");
    let tags = |things: &str, id: &str| format!("/v2.0/{PROJECT}/{things}/{id}/tags");

    // apply
    let team = client.enterprise_project().await;
    let body = json!({"vpc": {"name": "net", "cidr": "172.16.0.0/16", "description": "", "enterprise_project_id": team}});
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
    let access = PublicAccess::opened(&client, &id, &subnet, &zones).await;

    // A second plan reads what was sent.
    let plan = async || {
        let mut read = client.read_instance(&id).await;
        for path in access.read() {
            read.push(without_request_id(client.get(path.0, &path.1).await));
        }
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
            read.push(without_request_id(client.get("vpc", &path).await));
        }
        read
    };
    let all = plan().await;
    assert_eq!(plan().await, all);
    let read = &all[9..];
    assert_eq!(
        (&read[0]["vpc"]["cidr"], &read[0]["vpc"]["description"]),
        (&json!("172.16.0.0/16"), &json!(""))
    );
    assert_eq!(read[2]["tags"], json!([{"key": "team", "value": "a"}]));
    assert_eq!(read[3]["subnet"]["dnsList"], json!(["100.125.1.250", "100.125.129.250"]));
    assert_eq!(read[6]["security_group"]["description"], "of the cache");
    assert_eq!(read[9]["security_group_rule"]["multiport"], "6379");
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

    // An import knows ids only: what it reads is what a plan reads.
    assert_eq!(plan().await, all);

    // A change.
    let body = json!({"vpc": {"name": "net-2", "cidr": "172.16.0.0/16", "description": "changed"}});
    client.send("vpc", "PUT", &one_vpc, body, 200).await;
    let body = json!({"subnet": {"name": "inner-2", "dhcp_enable": true, "dnsList": []}});
    client.send("vpc", "PUT", &v1(&format!("vpcs/{vpc}/subnets/{subnet}")), body, 200).await;
    assert_eq!(client.get("vpc", &one_subnet).await["subnet"]["dnsList"], json!([]));
    assert_eq!(client.get("dcs", &Api::V2.instance(&id)).await["vpc_name"], "net-2");

    // destroy: what is in use waits for what uses it.
    let in_use = client.ask("vpc", "DELETE", &v1(&format!("vpcs/{vpc}/subnets/{subnet}")), None).await;
    assert_refused(&in_use, Shape::V1, 409, "VPC.0209");
    access.closed(&client, &id).await;
    client.end_of_instance(&id).await;
    client.destroy("vpc", &one_rule, &one_rule).await;
    client.destroy("vpc", &one_group, &one_group).await;
    client.destroy("vpc", &one_subnet, &v1(&format!("vpcs/{vpc}/subnets/{subnet}"))).await;
    client.destroy("vpc", &one_vpc, &one_vpc).await;
    client.end_of_enterprise_project(&team).await;
    assert_eq!(everything(&server).await, at_first);
}

#[tokio::test]
async fn a_replay_of_a_module_of_the_opentelekomcloud_provider() {
    let server = TestServer::with(&[("tls.mode", "self-signed")]).await;
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
        let mut read = client.read_instance(&id).await;
        for path in [
            one_vpc.clone(),
            tags("vpcs", &vpc),
            format!("/v3/{PROJECT}/vpc/vpcs/{vpc}"),
            one_subnet.clone(),
            tags("subnets", &subnet),
            one_group.clone(),
            one_rule.clone(),
        ] {
            read.push(without_request_id(client.get("vpc", &path).await));
        }
        read
    };
    let all = plan().await;
    assert_eq!(plan().await, all);
    let read = &all[5..];
    assert_eq!(read[0]["vpc"]["enable_shared_snat"], true);
    assert_eq!(read[2]["vpc"]["extend_cidrs"], json!(["23.9.0.0/16"]));
    assert_eq!(read[4]["tags"], json!([]));
    assert_eq!(read[5]["security_group"]["security_group_rules"].as_array().unwrap().len(), 5);
    let shown = client.get("dcs", &Api::V1.instance(&id)).await;
    assert_eq!((&shown["vpc_name"], &shown["subnet_name"]), (&json!("net"), &json!("inner")));

    // Data sources find the same.
    let networks =
        client.get("vpc", &format!("/v2.0/networks?status=ACTIVE&id={subnet}")).await["networks"].take();
    assert_eq!(each(&networks, "name"), ["inner"]);
    let groups = client.get("vpc", "/v2.0/security-groups?name=default").await["security_groups"].take();
    assert_eq!(each(&groups, "name"), ["default"]);

    // An import knows ids only: what it reads is what a plan reads.
    assert_eq!(plan().await, all);

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
