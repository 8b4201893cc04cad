//! Every row of the control API's table at once, on one server: each in a project of its own, whose id is random, on both versions
//! (issue 5, isolation). What one does must not be seen by the others.

use std::future::Future;
use std::pin::Pin;

use dcs_emulator::domain::id::{InstanceId, ProjectId};
use dcs_emulator::ids::{IdSource, SystemIds};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::of_instances;
use crate::support::{Api, TestServer, each, requests_of, text};

use crate::control::place::control_routes;
use crate::coverage::is_of;

/// A project of a test's own, with an instance, and the version of the API that the test speaks.
struct Tenant<'s> {
    server: &'s TestServer,
    api: Api,
    project: String,
    instance: String,
}

type Row = for<'t> fn(&'t Tenant<'t>) -> Pin<Box<dyn Future<Output = ()> + 't>>;

/// The rows, by name.
macro_rules! rows {
    ($($row:ident),+ $(,)?) => { &[$((stringify!($row), (|tenant| Box::pin($row(tenant))) as Row)),+] };
}

const ROWS: &[(&str, Row)] = rows![
    health_info_and_config,
    operations,
    openapi,
    reset,
    seed,
    export,
    snapshots,
    contents,
    clock,
    transitions_of_backups,
    transitions_of_restores,
    transitions_of_instances,
    faults,
    faults_that_decide_the_end,
    ids,
    requests,
    unsupported_requests,
];

/// What is everybody's: these rows wait until all others are done, and then for each other.
const ROWS_ALONE: &[(&str, Row)] = rows![way_back_to_a_snapshot];

#[tokio::test]
async fn every_row_holds_in_a_project_of_its_own_while_all_others_go_on() {
    let server = TestServer::with(&[("http.workers", "0"), ("tls.mode", "self-signed")]).await;
    let tests = Api::BOTH.into_iter().flat_map(|api| ROWS.iter().map(move |row| (api, row)));
    let tests = tests.map(|(api, (name, row))| {
        let server = &server;
        async move {
            let tenant = Tenant::arrive(server, api).await;
            row(&tenant).await;
            (api, *name)
        }
    });
    let held = join_all(tests).await;
    assert_eq!(held.len(), 2 * ROWS.len(), "{held:?}");
    for (api, (_, row)) in Api::BOTH.into_iter().flat_map(|api| ROWS_ALONE.iter().map(move |row| (api, row)))
    {
        row(&Tenant::arrive(&server, api).await).await;
    }
}

#[test]
fn every_route_of_the_control_api_is_in_a_row() {
    let requests = requests_of(every_row_holds_in_a_project_of_its_own_while_all_others_go_on);
    for route in control_routes() {
        let answered = requests.iter().any(|request| {
            request.method == route.0 && is_of(&request.path, route.1) && request.is_answered()
        });
        assert!(answered, "no row has {} {} answered well", route.0, route.1);
    }
}

impl<'s> Tenant<'s> {
    /// Makes a project with an instance.
    async fn arrive(server: &'s TestServer, api: Api) -> Self {
        let project = ProjectId::from_bytes(SystemIds.random_bits()).to_string();
        let instance = InstanceId::from_bytes(SystemIds.random_bits()).to_string();
        let tenant = Self { server, api, project, instance };
        let report = tenant.seed().await;
        assert_eq!(
            (&report["projects_created"], &report["instances_created"]),
            (&json!(1), &json!(1)),
            "{report}"
        );
        tenant
    }

    async fn seed(&self) -> Value {
        let seed = of_instances(&self.project, &[&self.instance]);
        self.server.call("POST", "/_emulator/seed").body(seed).send().await.ok()
    }

    fn records(&self, what: &str) -> String {
        format!("{}/{}/{what}", self.api.instances(&self.project), self.instance)
    }

    async fn create(&self) -> String {
        text(&self.server.post(&self.records("backups"), &json!({})).await.ok()["backup_id"])
    }

    /// Returns the statuses of the backups, the newest first.
    async fn statuses(&self) -> Vec<Value> {
        each(&self.server.get(&self.records("backups")).await.ok()["backup_record_response"], "status")
    }

    /// Returns a path of the control API that is limited to the project.
    fn limited(&self, path: &str) -> String {
        format!("/_emulator/{path}?project_id={}", self.project)
    }

    async fn put_rule(&self, model: &str, rule: Value) -> Value {
        let mut rule = rule;
        rule["project_id"] = json!(self.project);
        self.server.put(&format!("/_emulator/transitions/{model}"), &rule).await.ok();
        let path = self.limited(&format!("transitions/{model}"));
        let kept = self.server.get(&path).await.ok()["rules"].take();
        assert_eq!(kept, json!([rule]));
        kept
    }

    async fn remove_rule(&self, model: &str) {
        let path = self.limited(&format!("transitions/{model}"));
        self.server.delete(&path).await.ok();
        assert_eq!(self.server.get(&path).await.ok()["rules"], json!([]));
    }

    /// Moves what is open in the project one step on and returns the states that were reached.
    async fn step(&self, model: &str) -> Vec<Value> {
        let path = format!("/_emulator/transitions/{model}/step");
        let answer = self.server.post(&path, &json!({ "project_id": self.project })).await.ok();
        assert!(each(&answer["fired"], "instance_id").iter().all(|id| *id == self.instance), "{answer}");
        each(&answer["fired"], "to")
    }
}

async fn health_info_and_config(tenant: &Tenant<'_>) {
    tenant.server.get("/_localstack/health").await.ok();
    for path in ["health", "info", "config"] {
        tenant.server.get(&format!("/_emulator/{path}")).await.ok();
    }
    assert_eq!(tenant.server.get("/_emulator/ca").await.status, 200);
    let info = tenant.server.get("/_emulator/info").await.ok();
    assert!(info["counts"]["projects"].as_u64().is_some_and(|count| count > 2), "{info}");
}

async fn operations(tenant: &Tenant<'_>) {
    let operations = tenant.server.get("/_emulator/operations").await.ok();
    assert!(each(&operations["operations"], "name").contains(&json!("create_backup")));
}

async fn openapi(tenant: &Tenant<'_>) {
    let document = tenant.server.get("/_emulator/openapi.json").await.ok();
    assert!(document["paths"]["/_emulator/openapi.json"]["get"].is_object());
    assert_eq!(tenant.server.get("/_emulator/docs").await.status, 200);
}

async fn reset(tenant: &Tenant<'_>) {
    tenant.create().await;
    let body = json!({ "project_id": tenant.project });
    for path in ["/_emulator/reset", "/moto-api/reset"] {
        tenant.server.post(path, &body).await.ok();
        // The seeds of the start do not hold it.
        assert_eq!(tenant.server.get(&tenant.records("backups")).await.status, 404);
        tenant.seed().await;
        assert_eq!(tenant.statuses().await, [] as [Value; 0]);
        tenant.create().await;
    }
}

async fn export(tenant: &Tenant<'_>) {
    tenant.create().await;
    let path = tenant.limited("export");
    let document = tenant.server.get(&path).await;
    assert_eq!(document.ok()["projects"][0]["id"], tenant.project);
    let body = json!({ "project_id": tenant.project });
    tenant.server.post("/_emulator/reset", &body).await.ok();
    tenant.server.call("POST", "/_emulator/seed").body(document.body.clone()).send().await.ok();
    assert_eq!(tenant.server.get(&path).await.text(), document.text());
    assert_eq!(tenant.statuses().await, ["succeed"]);
}

async fn contents(tenant: &Tenant<'_>) {
    let path = format!("/_emulator/instances/{}/contents", tenant.instance);
    let held = tenant.server.put(&path, &json!({"keys": [{"name": "a"}]})).await.ok();
    assert_eq!(tenant.server.get(&path).await.ok(), held);
}

async fn snapshots(tenant: &Tenant<'_>) {
    let path = format!("/_emulator/snapshots/{}", tenant.project);
    let taken = tenant.server.call("PUT", &path).send().await.ok();
    assert_eq!(tenant.server.get(&path).await.ok(), taken);
    let listed = tenant.server.get("/_emulator/snapshots").await.ok();
    assert!(each(&listed["snapshots"], "name").contains(&json!(tenant.project)), "{listed}");
    let file = tenant.server.get(&format!("{path}/file")).await;
    let uploaded = tenant.server.call("PUT", &format!("{path}/file")).body(file.body).send().await.ok();
    assert_eq!(uploaded["counts"], taken["counts"]);
    tenant.server.delete(&path).await.ok();
    assert_eq!(tenant.server.get(&path).await.status, 404);
}

async fn way_back_to_a_snapshot(tenant: &Tenant<'_>) {
    let path = format!("/_emulator/snapshots/{}", tenant.project);
    tenant.create().await;
    tenant.server.call("PUT", &path).send().await.ok();
    tenant.create().await;
    tenant.server.call("POST", &format!("{path}/restore")).send().await.ok();
    assert_eq!(tenant.statuses().await, ["succeed"]);
}

async fn seed(tenant: &Tenant<'_>) {
    tenant.create().await;
    let report = tenant.seed().await;
    assert_eq!((&report["instances_created"], &report["instances_kept"]), (&json!(0), &json!(1)));
    assert_eq!(tenant.statuses().await, ["succeed"]);
}

/// The clock is everybody's: it is only moved forward here.
async fn clock(tenant: &Tenant<'_>) {
    let durations = json!({"waiting": "1h", "backuping": "1h"});
    tenant.put_rule("backup", json!({"progression": "time", "durations": durations})).await;
    tenant.create().await;
    let answer = tenant.server.post("/_emulator/clock/advance", &json!({"duration": "3h"})).await.ok();
    assert!(each(&answer["fired"], "at").is_sorted_by_key(text), "{answer}");
    assert_eq!(tenant.statuses().await, ["succeed"]);
    let shown = tenant.server.put("/_emulator/clock", &json!({"rate": 1.0})).await.ok();
    assert_eq!((&shown["rate"], &shown["frozen"]), (&json!(1.0), &json!(false)));
    assert!(tenant.server.get("/_emulator/clock").await.ok()["now"].is_string());
}

async fn transitions_of_backups(tenant: &Tenant<'_>) {
    tenant.put_rule("backup", json!({"progression": "manual"})).await;
    tenant.create().await;
    assert_eq!(tenant.statuses().await, ["waiting"]);
    for reached in ["backuping", "succeed"] {
        assert_eq!(tenant.step("backup").await, [reached]);
        assert_eq!(tenant.statuses().await, [reached]);
    }
    assert_eq!(tenant.step("backup").await, [] as [Value; 0]);
    tenant.remove_rule("backup").await;
    tenant.create().await;
    assert_eq!(tenant.statuses().await, ["succeed", "succeed"]);
}

async fn transitions_of_restores(tenant: &Tenant<'_>) {
    let backup_id = tenant.create().await;
    tenant.put_rule("restore", json!({"progression": "manual"})).await;
    tenant.server.post(&tenant.records("restores"), &json!({ "backup_id": backup_id })).await.ok();
    for reached in ["restoring", "succeed"] {
        assert_eq!(tenant.step("restore").await, [reached]);
    }
    tenant.remove_rule("restore").await;
}

async fn transitions_of_instances(tenant: &Tenant<'_>) {
    let durations = json!({"CREATING": "15s", "RESTARTING": "5s"});
    tenant.put_rule("instance", json!({"progression": "time", "durations": durations})).await;
    tenant.put_rule("instance", json!({"progression": "immediate"})).await;
    tenant.remove_rule("instance").await;
}

async fn faults(tenant: &Tenant<'_>) {
    let fault = json!({
        "match": {"project_id": tenant.project, "operation": "create_backup"}, "times": 1,
        "effect": {"status": 503, "error_code": "DCS.5030"},
    });
    let id = text(&tenant.server.post("/_emulator/faults", &fault).await.ok()["id"]);
    tenant.server.post("/_emulator/faults", &fault).await.ok();
    let one = format!("/_emulator/faults/{id}");
    let changed = json!({"times": null, "effect": {"status": 500}});
    tenant.server.call("PATCH", &one).json(&changed).send().await.ok();
    assert_eq!(tenant.server.get(&one).await.ok()["match"]["project_id"], tenant.project);
    assert_eq!(tenant.statuses().await, [] as [Value; 0]);
    for _ in 0..3 {
        assert_eq!(tenant.server.post(&tenant.records("backups"), &json!({})).await.status, 500);
    }
    // The other is used up.
    let left = tenant.server.get(&tenant.limited("faults")).await.ok();
    assert_eq!(
        (each(&left["faults"], "id"), each(&left["faults"], "hits")),
        (vec![json!(id)], vec![json!(3)])
    );
    tenant.server.delete(&one).await.ok();
    tenant.server.post("/_emulator/faults", &fault).await.ok();
    tenant.server.delete(&tenant.limited("faults")).await.ok();
    assert_eq!(tenant.server.get(&tenant.limited("faults")).await.ok(), json!({"faults": []}));
    tenant.create().await;
}

async fn faults_that_decide_the_end(tenant: &Tenant<'_>) {
    let outcome = json!({"status": "failed", "error_code": "dcs.08.0002"});
    let fault =
        json!({"match": {"instance_id": tenant.instance}, "times": 1, "effect": {"outcome": outcome}});
    tenant.server.post("/_emulator/faults", &fault).await.ok();
    tenant.create().await;
    tenant.create().await;
    assert_eq!(tenant.statuses().await, ["succeed", "failed"]);
}

async fn ids(tenant: &Tenant<'_>) {
    tenant.server.put("/_emulator/ids", &json!({"seed": 42})).await.ok();
    assert_eq!(tenant.server.get("/_emulator/ids").await.ok(), json!({"seed": 42}));
    let id = InstanceId::from_bytes(SystemIds.random_bits()).to_string();
    for status in [200, 400] {
        let call = tenant.server.call("POST", &tenant.records("backups")).header("X-Emulator-Id", &id);
        assert_eq!(call.send().await.status, status);
    }
    // Ids that are taken are skipped, whoever took them.
    tenant.create().await;
    assert_eq!(tenant.statuses().await.len(), 2);
}

async fn requests(tenant: &Tenant<'_>) {
    let requests = tenant.limited("requests");
    let wait =
        json!({"filter": {"project_id": tenant.project, "operation": "list_backups"}, "timeout": "1m"});
    let (waited, id) = tokio::join!(tenant.server.post("/_emulator/requests/wait", &wait), async {
        let id = tenant.create().await;
        tenant.statuses().await;
        id
    });
    assert_eq!((&waited.ok()["matched"], &waited.ok()["count"]), (&json!(true), &json!(1)), "{id}");
    let mine = json!({ "project_id": tenant.project });
    assert_eq!(tenant.server.post("/_emulator/requests/count", &mine).await.ok(), json!({"count": 2}));
    let found = tenant.server.post("/_emulator/requests/find", &mine).await.ok();
    assert_eq!(found, tenant.server.get(&requests).await.ok());
    assert_eq!(each(&found["requests"], "operation"), ["create_backup", "list_backups"]);
    tenant.server.delete(&format!("{requests}&operation=list_backups")).await.ok();
    assert_eq!(each(&tenant.server.get(&requests).await.ok()["requests"], "operation"), ["create_backup"]);
    tenant.server.delete(&requests).await.ok();
    assert_eq!(tenant.server.get(&requests).await.ok(), json!({"requests": []}));
}

async fn unsupported_requests(tenant: &Tenant<'_>) {
    let path = tenant.api.instances(&tenant.project).replace("/instances", "/diagnosis");
    assert_eq!(tenant.server.get(&path).await.status, 404);
    let unsupported = tenant.server.get(&tenant.limited("requests/unsupported")).await.ok();
    assert_eq!(each(&unsupported["requests"], "path"), [path]);
}
