//! Two callers at once, many times: what each is told is what was done, and nothing comes back or is lost by the other's change (issue 11).

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::instances::create::order;
use crate::support::identity::{login, token_in};
use crate::support::seed::{HA, PROJECT, backups_path};
use crate::support::{Answer, Api, TestServer, each, text};

/// How often two callers meet. With the code of 0.1 a handful is enough to go wrong.
const ROUNDS: usize = 60;

const FAULTS: &str = "/_emulator/faults";
const SNAPSHOT: &str = "/_emulator/snapshots/s";
const RESET: &str = "/_emulator/reset";

fn templates() -> String {
    format!("/v2/{PROJECT}/config-templates?type=user")
}

fn template(id: &str) -> String {
    format!("/v2/{PROJECT}/config-templates/{id}?type=user")
}

/// A server that serves on every processor.
async fn server() -> TestServer {
    TestServer::with(&[("http.workers", "0")]).await
}

impl TestServer {
    async fn make_template(&self, source: &str) -> Answer {
        self.post(&templates(), &json!({"template_id": source, "name": "mine", "params": {}})).await
    }

    async fn change_template(&self, id: &str, change: Value) -> Answer {
        self.call("PUT", &template(id)).json(&change).send().await
    }

    async fn patch(&self, path: &str, change: &Value) -> Answer {
        self.call("PATCH", path).json(change).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_was_deleted_does_not_come_back_by_a_change() {
    let server = server().await;
    for round in 0..ROUNDS {
        let id = text(&server.make_template("10").await.ok()["id"]);
        let changes = join_all((0..4).map(|_| server.change_template(&id, json!({"name": "changed"}))));
        let path = template(&id);
        let (answers, deleted) = join(changes, server.delete(&path)).await;
        deleted.ok();
        for answer in answers {
            assert!([200, 400].contains(&answer.status), "{}", answer.status);
        }
        assert_eq!(server.get(&templates()).await.ok()["template_num"], 0, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_different_parts_of_a_template_are_all_kept() {
    let server = server().await;
    let id = text(&server.make_template("10").await.ok()["id"]);
    for round in 0..ROUNDS {
        let (name, words, timeout) = (format!("n-{round:04}"), format!("words {round}"), round.to_string());
        let changes = [
            json!({"name": name}),
            json!({"description": words}),
            json!({"params": {"timeout": timeout}}),
            json!({"params": {"maxmemory-policy": if round % 2 == 0 { "allkeys-lru" } else { "noeviction" }}}),
        ];
        for answer in join_all(changes.iter().map(|change| server.change_template(&id, change.clone()))).await
        {
            answer.ok();
        }
        let shown = server.get(&template(&id)).await.ok();
        let value = |name: &str| {
            let params = shown["params"].as_array().unwrap();
            params.iter().find(|param| param["param_name"] == name).unwrap()["param_value"].clone()
        };
        assert_eq!((&shown["name"], &shown["description"]), (&json!(name), &json!(words)), "round {round}");
        let policy = changes[3]["params"]["maxmemory-policy"].clone();
        assert_eq!((value("timeout"), value("maxmemory-policy")), (json!(timeout), policy), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_of_before_a_reset_is_not_there_after_it() {
    let server = server().await;
    let resets = [json!({"seed": true}), json!({"seed": true, "project_id": PROJECT})];
    for round in 0..ROUNDS {
        let id = text(&server.make_template("10").await.ok()["id"]);
        let changes = join_all((0..4).map(|_| server.change_template(&id, json!({"name": "changed"}))));
        let copies = join_all((0..2).map(|_| server.make_template(&id)));
        let reset = server.post(RESET, &resets[round % resets.len()]);
        let ((answers, made), reset) = join(join(changes, copies), reset).await;
        reset.ok();
        for answer in answers.into_iter().chain(made) {
            assert!([200, 400].contains(&answer.status), "{}", answer.status);
        }
        let left = server.get(&templates()).await.ok();
        assert_eq!(left["template_num"], 0, "round {round}: {left}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_before_a_reset_opens_nothing_after_it() {
    const NAMES: (&str, &str) = ("eve", "domain-test");
    let user = |password: &str| {
        format!(
            "domain: {{name: {}}}\nusers: [{{name: {}, password: {password}, roles: {{\"*\": dcs_admin}}}}]\n",
            NAMES.1, NAMES.0
        )
    };
    let server = TestServer::seeded(&user("old-Secret-1"), &[("http.workers", "0")]).await;
    for round in 0..6 {
        let seeded = server
            .call("POST", "/_emulator/seed?overwrite=true")
            .body(user("new-Secret-1").as_bytes())
            .send()
            .await;
        seeded.ok();
        // Comparing a password takes long enough for a reset to happen meanwhile.
        let (body, everything) = (login(NAMES.0, NAMES.1, "new-Secret-1"), json!({}));
        let (logged_in, reset) = join(server.log_in(&body), server.post(RESET, &everything)).await;
        reset.ok();
        if logged_in.status == 201 {
            let token = token_in(&logged_in);
            let shown = server.call("GET", "/v3/auth/projects").header("x-auth-token", &token).send().await;
            assert_eq!(shown.status, 401, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_of_different_members_of_a_fault_are_all_kept() {
    let server = server().await;
    let fault = json!({"match": {"operation": "list_backups"}, "effect": {"status": 503}});
    let path = format!("{FAULTS}/{}", text(&server.post(FAULTS, &fault).await.ok()["id"]));
    for round in 1..=ROUNDS {
        let changes = [
            json!({"times": round}),
            json!({"probability": f64::from(u32::try_from(round).unwrap()) / 64.0}),
            json!({"match": {"api": if round % 2 == 0 { "v2" } else { "v1.0" }}}),
            json!({"match": {"instance_id": if round % 2 == 0 { json!(HA) } else { Value::Null }}}),
            json!({"effect": {"status": 400 + round}}),
            json!({"ttl": format!("{round}ms")}),
        ];
        for answer in join_all(changes.iter().map(|change| server.patch(&path, change))).await {
            answer.ok();
        }
        let shown = server.get(&path).await.ok();
        for name in ["times", "probability", "effect", "ttl"] {
            let wanted = changes.iter().find_map(|change| change.get(name)).unwrap();
            assert_eq!(&shown[name], wanted, "round {round}");
        }
        let matcher = json!({
            "operation": "list_backups", "api": changes[2]["match"]["api"], "project_id": null,
            "instance_id": changes[3]["match"]["instance_id"],
        });
        assert_eq!(shown["match"], matcher, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_up_of_a_fault_does_not_come_back_by_a_patch() {
    const TIMES: usize = 200;
    const CALLS: usize = 800;
    let server = server().await;
    let fault = json!({"match": {"operation": "list_backups"}, "times": TIMES, "effect": {"status": 503}});
    let path = format!("{FAULTS}/{}", text(&server.post(FAULTS, &fault).await.ok()["id"]));
    let backups = backups_path(HA);
    let call = async |_| {
        let mut hits = 0;
        for _ in 0..CALLS / 8 {
            hits += usize::from(server.get(&backups).await.status == 503);
        }
        hits
    };
    let patches = async {
        // Until it is used up: then there is nothing to change any more.
        for round in 0..10_000 {
            let status = if round % 2 == 0 { 503 } else { 502 };
            let change =
                json!({"match": {"api": null}, "effect": {"status": 503, "error_code": status.to_string()}});
            if server.patch(&path, &change).await.status == 404 {
                return;
            }
        }
    };
    let (hits, ()) = join(join_all((0..8).map(call)), patches).await;
    assert_eq!(hits.iter().sum::<usize>(), TIMES);
    assert_eq!(server.get(FAULTS).await.ok(), json!({"faults": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_of_a_restore_beside_a_delete_tells_what_was_done() {
    let server = server().await;
    let total = async || server.list(HA, "limit=1").await["total_num"].as_u64().unwrap();
    let (mut restored, mut gone) = (0, 0);
    for round in 0..ROUNDS {
        server.call("PUT", SNAPSHOT).send().await.ok();
        let before = total().await;
        server.create_backup(HA).await;
        let restore = format!("{SNAPSHOT}/restore");
        let (answer, deleted) = join(server.call("POST", &restore).send(), server.delete(SNAPSHOT)).await;
        assert_eq!(deleted.ok(), json!({"snapshots": []}), "round {round}");
        if answer.status == 200 {
            assert_eq!(answer.json()["name"], "s");
            restored += 1;
            assert_eq!(total().await, before, "round {round}");
        } else {
            assert_eq!(answer.status, 404);
            gone += 1;
            assert_eq!(
                total().await,
                before + 1,
                "round {round}: everything went back, and the answer was {}",
                answer.status
            );
        }
    }
    assert!(restored + gone == ROUNDS && restored > 0, "{restored} restored, {gone} not");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_never_more_rules_than_there_may_be() {
    let server = server().await;
    fill_with_rules(&server, 990).await;
    let answers = join_all((990..1020).map(async |number| {
        server.put("/_emulator/transitions/backup", &rule(number, "manual")).await.status
    }))
    .await;
    let made = answers.iter().filter(|status| **status == 200).count();
    assert_eq!((made, answers.iter().filter(|status| **status == 409).count()), (10, 20));
}

fn rule(number: usize, progression: &str) -> Value {
    json!({"instance_id": format!("{number:08}-0000-4000-8000-000000000000"), "progression": progression})
}

async fn fill_with_rules(server: &TestServer, count: usize) {
    // As an export writes them; without durations they are moved by hand.
    let kept = |number| json!({"model": "backup", "instance_id": rule(number, "manual")["instance_id"]});
    let seed = json!({"settings": {"transitions": (0..count).map(kept).collect::<Vec<Value>>()}});
    server.post("/_emulator/seed", &seed).await.ok();
}

#[tokio::test]
async fn a_rule_can_be_replaced_while_there_are_as_many_as_there_may_be() {
    let server = TestServer::start().await;
    fill_with_rules(&server, 1_000).await;
    let path = "/_emulator/transitions/backup";
    let replaced = server.put(path, &rule(7, "immediate")).await.ok();
    assert_eq!(replaced["rules"].as_array().unwrap().len(), 1_000);
    assert_eq!(replaced["rules"][999], rule(7, "immediate"));
    let more = server.put(path, &rule(1_000, "manual")).await;
    assert_eq!((more.status, &more.json()["error_code"]), (409, &json!("EMU.4090")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_instances_with_one_address_one_is_made() {
    let server = server().await;
    for round in 0..10 {
        let ip = format!("10.9.8.{round}");
        let orders = join_all((0..8).map(async |number| {
            let members = json!({"name": format!("n-{round:02}-{number}"), "private_ip": ip, "no_password_access": true, "password": null});
            server.post(&Api::V2.instances(PROJECT), &order(Api::V2, &members)).await.status
        }))
        .await;
        assert_eq!(orders.iter().filter(|status| **status == 200).count(), 1, "round {round}: {orders:?}");
        let listed = server.get(&format!("{}?ip={ip}", Api::V2.instances(PROJECT))).await.ok();
        assert_eq!(each(&listed["instances"], "ip"), [json!(ip)]);
    }
}
