//! A provider at work: the requests of `huaweicloud_dcs_instance`, one after the other as it sends them, with what it takes for a good
//! answer (wire contract v2, sections 1.5 and 2.21).
//!
//! It polls every ten seconds, by a clock that is turned by hand, and gives up after ten minutes.

use serde_json::{Map, Value, json};

use crate::support::seed::PROJECT;
use crate::support::{TestServer, each, text};

/// What it takes for a good answer to anything that changes something.
const CHANGED: &[u16] = &[200, 201, 202];
/// What it takes for one to an update of an instance.
const UPDATED: &[u16] = &[200, 204];
/// How long it waits between two looks, in milliseconds.
const POLL_MS: u64 = 10_000;
/// How often it looks before it gives up.
const MAX_POLLS: usize = 60;

/// The provider, and the server it talks to.
pub(super) struct Provider {
    pub(super) server: TestServer,
}

/// What a configuration says of an instance: its members are the resource's arguments.
pub(super) type Arguments = Map<String, Value>;

impl Provider {
    /// Starts with a server on which everything takes a while.
    pub(super) async fn start() -> Self {
        let server = TestServer::with(&[("backup.duration", "15s"), ("restore.duration", "15s")]).await;
        let durations = json!({"CREATING": "15s", "EXTENDING": "25s", "RESTARTING": "5s"});
        let rule = json!({"progression": "time", "durations": durations});
        server.put("/_emulator/transitions/instance", &rule).await.ok();
        Self { server }
    }

    /// Sends a request and makes sure that its answer is one of those that the provider takes.
    pub(super) async fn send(&self, method: &str, path: &str, body: Option<&Value>, good: &[u16]) -> Value {
        let call = self.server.call(method, &format!("/v2/{PROJECT}/{path}"));
        let call = if let Some(body) = body { call.json(body) } else { call };
        let answer = call.send().await;
        assert!(
            good.contains(&answer.status),
            "{method} {path} {body:?}: {} {}",
            answer.status,
            answer.text()
        );
        if answer.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&answer.body).unwrap_or_default()
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.send("GET", path, None, &[200]).await
    }

    async fn change(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, path, Some(body), CHANGED).await
    }

    fn poll(&self) {
        self.server.advance_ms(POLL_MS);
    }

    /// Waits until an instance is RUNNING and nothing is done to it, twice in a row.
    pub(super) async fn wait_until_ready(&self, instance: &str, pending: &[&str]) {
        let mut ready = 0;
        for _ in 0..MAX_POLLS {
            self.poll();
            let shown = self.get(&format!("instances/{instance}")).await;
            let status = text(&shown["status"]);
            if status == "RUNNING" && shown["task"].is_null() {
                ready += 1;
            } else {
                assert!(
                    status == "RUNNING" || pending.contains(&status.as_str()),
                    "{status} is no way there"
                );
                ready = 0;
            }
            if ready == 2 {
                return;
            }
        }
        panic!("{instance} was never ready");
    }

    /// Waits until a job has ended well.
    async fn wait_for_job(&self, answer: &Value) {
        let job = text(&answer["job_id"]);
        for _ in 0..MAX_POLLS {
            let shown = self.get(&format!("jobs/{job}")).await;
            match shown["status"].as_str() {
                Some("SUCCESS") => return,
                Some("INIT" | "RUNNING") => self.poll(),
                _ => panic!("the job ended as {shown}"),
            }
        }
        panic!("the job never ended");
    }

    /// Makes an instance and its whole configuration; returns its id.
    pub(super) async fn create(&self, wanted: &Arguments) -> String {
        let mut body = json!({
            "name": wanted["name"], "engine": wanted["engine"], "engine_version": wanted["engine_version"],
            "spec_code": wanted["flavor"], "capacity": wanted["capacity"], "vpc_id": wanted["vpc_id"],
            "subnet_id": wanted["subnet_id"], "az_codes": wanted["availability_zones"], "instance_num": 1,
            "bss_param": {"charging_mode": "postPaid"},
        });
        for (argument, member) in [
            ("password", "password"),
            ("description", "description"),
            ("port", "port"),
            ("private_ip", "private_ip"),
            ("maintain_begin", "maintain_begin"),
            ("maintain_end", "maintain_end"),
            ("security_group_id", "security_group_id"),
            ("enterprise_project_id", "enterprise_project_id"),
            ("rename_commands", "rename_commands"),
            ("tags", "tags"),
            ("backup_policy", "instance_backup_policy"),
        ] {
            if let Some(value) = wanted.get(argument) {
                body[member] = value.clone();
            }
        }
        body["no_password_access"] = json!(!wanted.contains_key("password"));
        let made = self.change("POST", "instances", &body).await;
        assert!(made.get("order_id").is_none(), "it would wait for an order: {made}");
        let instance = text(&made["instances"][0]["instance_id"]);
        self.wait_until_ready(&instance, &["CREATING"]).await;
        self.set_beside(&instance, wanted, true).await;
        instance
    }

    /// Sets what a configuration says beside an instance, in the order of the provider.
    pub(super) async fn set_beside(&self, instance: &str, wanted: &Arguments, is_new: bool) {
        if let Some(whitelist) = wanted.get("whitelist") {
            self.send("PUT", &format!("instance/{instance}/whitelist"), Some(whitelist), UPDATED).await;
        }
        if let Some(parameters) = wanted.get("parameters") {
            self.configure(instance, parameters).await;
        }
        if let Some(enabled) = wanted.get("ssl_enable") {
            let body = json!({ "enabled": enabled });
            let switched = self.change("PUT", &format!("instances/{instance}/ssl"), &body).await;
            self.wait_for_job(&switched).await;
        }
        for (argument, path) in [
            ("big_key_enable_auto_scan", "bigkey/autoscan"),
            ("hot_key_enable_auto_scan", "hotkey/autoscan"),
            ("expire_key_enable_auto_scan", "scan-expire-keys/autoscan-config"),
        ] {
            if let Some(scan) = wanted.get(argument) {
                self.change("PUT", &format!("instances/{instance}/{path}"), scan).await;
            }
        }
        if let Some(enabled) = wanted.get("transparent_client_ip_enable")
            && (!is_new || enabled == false)
        {
            let path = format!("{instance}/client-ip-transparent-transmission");
            let switched = self.change("PUT", &path, &json!({"transparent_client_ip_enable": enabled})).await;
            self.wait_for_job(&switched).await;
        }
        if let Some(policy) = wanted.get("auto_scaling") {
            self.change("PUT", &format!("instances/{instance}/autoscaling-policy/bandwidth"), policy).await;
        }
    }

    /// Sets parameters by a job, and restarts the instance if one of them needs that.
    async fn configure(&self, instance: &str, parameters: &Value) {
        let body = json!({ "redis_config": parameters });
        let begun = self.change("PUT", &format!("instances/{instance}/async-configs"), &body).await;
        self.wait_for_job(&begun).await;
        let configs = self.get(&format!("instances/{instance}/configs")).await;
        let set = each(parameters, "param_id");
        let rows = configs["redis_config"].as_array().expect("an array of parameters");
        if rows.iter().any(|row| set.contains(&row["param_id"]) && row["need_restart"] == true) {
            let body = json!({"instances": [instance], "action": "restart"});
            self.change("PUT", "instances/status", &body).await;
            self.wait_until_ready(instance, &["RESTARTING"]).await;
        }
    }

    /// Changes what differs between two configurations, in the order of the provider.
    pub(super) async fn update(&self, instance: &str, old: &Arguments, new: &Arguments) {
        let path = format!("instances/{instance}");
        let differs = |argument: &str| new.contains_key(argument) && old.get(argument) != new.get(argument);
        let mut plain = json!({"name": new["name"], "description": new["description"]});
        for (argument, member) in [
            ("maintain_begin", "maintain_begin"),
            ("maintain_end", "maintain_end"),
            ("backup_policy", "instance_backup_policy"),
        ] {
            if let Some(value) = new.get(argument) {
                plain[member] = value.clone();
            }
        }
        self.send("PUT", &path, Some(&plain), UPDATED).await;
        for argument in ["rename_commands", "port"] {
            if differs(argument) {
                self.send("PUT", &path, Some(&json!({argument: new[argument]})), UPDATED).await;
                self.wait_until_ready(instance, &[]).await;
            }
        }
        if differs("password") {
            let body = json!({"new_password": new["password"], "no_password_access": false});
            self.change("POST", &format!("{path}/password/reset"), &body).await;
            self.wait_until_ready(instance, &[]).await;
        }
        if differs("flavor") || differs("capacity") {
            self.resize(instance, old, new).await;
        }
        if differs("tags") {
            for (action, tags) in [("delete", &old["tags"]), ("create", &new["tags"])] {
                let body = json!({"action": action, "tags": tags});
                self.send("POST", &format!("dcs/{instance}/tags/action"), Some(&body), &[204]).await;
            }
        }
        let beside = new.iter().filter(|(argument, _)| differs(argument.as_str()));
        let beside: Arguments = beside.map(|(argument, value)| (argument.clone(), value.clone())).collect();
        self.set_beside(instance, &beside, false).await;
        if differs("subnet_id") {
            let body = json!({"action": "switch", "vpc_id": new["vpc_id"], "subnet_id": new["subnet_id"]});
            self.send("POST", &format!("{path}/resources/subnet"), Some(&body), UPDATED).await;
            self.wait_until_ready(instance, &["EXTENDING"]).await;
        }
        if differs("availability_zones") {
            let zones = self.server.get("/v2/available-zones").await.ok();
            let rows = zones["available_zones"].as_array().expect("an array of zones");
            let id = |code: &Value| rows.iter().find(|row| row["code"] == *code).map(|row| &row["id"]);
            let wanted = new["availability_zones"].as_array().expect("an array of codes");
            let ids: Vec<_> = wanted.iter().map(id).collect();
            let body = json!({"new_available_zones": ids, "execute_immediately": true});
            self.send("PUT", &format!("{path}/available-zones"), Some(&body), UPDATED).await;
            self.wait_until_ready(instance, &["EXTENDING"]).await;
        }
    }

    /// Gives an instance another size; what kind of change it is follows from the products.
    async fn resize(&self, instance: &str, old: &Arguments, new: &Arguments) {
        let mut products = Vec::new();
        for arguments in [old, new] {
            let code = text(&arguments["flavor"]);
            let flavors = self.get(&format!("flavors?spec_code={code}")).await;
            products.push(flavors["flavors"][0].clone());
        }
        let copies = |product: &Value| product["replica_count"].as_u64().expect("a number of copies");
        let mut body = json!({"spec_code": new["flavor"], "new_capacity": new["capacity"]});
        if products[0]["cache_mode"] != products[1]["cache_mode"] {
            body["change_type"] = json!("instanceType");
        } else if copies(&products[1]) > copies(&products[0]) {
            let added = copies(&products[1]) - copies(&products[0]);
            body["change_type"] = json!("createReplication");
            body["available_zones"] = (0..added).map(|_| new["availability_zones"][0].clone()).collect();
        }
        self.send("POST", &format!("instances/{instance}/resize"), Some(&body), UPDATED).await;
        self.wait_until_ready(instance, &["EXTENDING"]).await;
        let shown = self.get(&format!("instances/{instance}")).await;
        assert_eq!(shown["spec_code"], new["flavor"]);
    }

    /// Removes an instance, and waits until it is gone.
    pub(super) async fn destroy(&self, instance: &str) {
        let path = format!("instances/{instance}");
        self.send("DELETE", &path, None, &[200, 202, 204]).await;
        for _ in 0..MAX_POLLS {
            self.poll();
            let answer = self.server.get(&format!("/v2/{PROJECT}/{path}")).await;
            if answer.status == 404 {
                return;
            }
            assert_eq!(answer.ok()["status"], "RUNNING", "no client knows of a state between");
        }
        panic!("{instance} never went");
    }

    /// Reads an instance and its configuration, as arguments: those that the configuration has.
    pub(super) async fn read(&self, instance: &str, managed: &Arguments) -> Arguments {
        let shown = self.get(&format!("instances/{instance}")).await;
        let groups = self.get(&format!("instance/{instance}/groups")).await;
        let whitelist = self.get(&format!("instance/{instance}/whitelist")).await;
        let mut read = Map::new();
        for (argument, member) in [
            ("name", "name"),
            ("engine", "engine"),
            ("engine_version", "engine_version"),
            ("flavor", "spec_code"),
            ("vpc_id", "vpc_id"),
            ("subnet_id", "subnet_id"),
            ("enterprise_project_id", "enterprise_project_id"),
            ("description", "description"),
            ("port", "port"),
            ("private_ip", "ip"),
            ("maintain_begin", "maintain_begin"),
            ("maintain_end", "maintain_end"),
            ("security_group_id", "security_group_id"),
            ("tags", "tags"),
            ("ssl_enable", "enable_ssl"),
            ("transparent_client_ip_enable", "transparent_client_ip_enable"),
        ] {
            read.insert(argument.to_owned(), shown[member].clone());
        }
        let minor = shown["capacity_minor"].as_str().map(|minor| format!("0{minor}").parse::<f64>());
        let capacity =
            minor.map_or_else(|| shown["capacity"].clone(), |minor| json!(minor.expect("a fraction")));
        read.insert("capacity".to_owned(), capacity);
        read.insert("backup_policy".to_owned(), shown["instance_backup_policy"]["policy"].clone());
        read.insert("availability_zones".to_owned(), zones(&groups["group_list"][0]["replication_list"]));
        let mut whitelist = whitelist;
        if whitelist["whitelist"] == json!([]) {
            whitelist["enable_whitelist"] = json!(true);
        }
        read.insert("whitelist".to_owned(), whitelist);
        for (argument, path) in [
            ("big_key_enable_auto_scan", "bigkey/autoscan"),
            ("hot_key_enable_auto_scan", "hotkey/autoscan"),
            ("expire_key_enable_auto_scan", "scan-expire-keys/autoscan-config"),
            ("auto_scaling", "autoscaling-policy/bandwidth"),
        ] {
            read.insert(argument.to_owned(), self.get(&format!("instances/{instance}/{path}")).await);
        }
        let configs = self.get(&format!("instances/{instance}/configs")).await;
        let managed_parameters =
            managed.get("parameters").map(|set| each(set, "param_id")).unwrap_or_default();
        let rows = configs["redis_config"].as_array().expect("an array of parameters");
        let of = |id: &Value| rows.iter().find(|row| row["param_id"] == *id).cloned().unwrap_or_default();
        read.insert("parameters".to_owned(), managed_parameters.iter().map(of).collect());
        read
    }
}

/// The zones of an instance, as the provider reads them: that of the master, and of the first replica if it is another.
fn zones(nodes: &Value) -> Value {
    let zone = |role: &str| {
        let nodes = nodes.as_array().expect("an array of nodes");
        nodes.iter().find(|node| node["replication_role"] == role).map(|node| node["az_code"].clone())
    };
    let (master, replica) = (zone("master"), zone("slave"));
    let mut zones: Vec<Value> = master.into_iter().collect();
    zones.extend(replica.filter(|replica| zones.first() != Some(replica)));
    Value::Array(zones)
}
