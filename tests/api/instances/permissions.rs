//! What each state of an instance permits: every cell of the table in section 3.4 of the wire contract v1.0, on both versions of
//! the API. The cells are made of the program's own table, which is compared with the contract's, and each is tried out over
//! HTTP on an instance of its own.

use dcs_emulator::domain::instance::{
    InstanceAction as Action, InstanceStatus as Status, OperationalState, PERMISSIONS,
};
use dcs_emulator::http::routes;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::PROJECT;
use crate::support::{Answer, Api, Refusal, TestServer, each, refusal, text};

/// The table as the contract has it: a row an operation, a column a state. `ok` is permitted; a number is the code of the
/// refusal; `no` is a result `failed`. `CLOSING STARTING` is one column there and two here.
const CONTRACT: &str = "
    operation      CREATING RUNNING B    RESTORING RESTARTING EXTENDING FLUSHING ERROR CLOSED CLOSING STARTING CREATEFAILED FROZEN OCCUPIED
    CreateBackup   4118     ok      4096 4097      4111       4113      4026     4026  4026   4026    4026     4026         4026         4231
    CreateRestore  4118     ok      4096 4097      4111       4113      4026     4026  4026   4026    4026     4026         4026         4231
    DeleteBackup   ok       ok      ok   ok        ok         ok        ok       ok    ok     ok      ok       ok           ok           ok
    CreateLinks    ok       ok      ok   ok        ok         ok        ok       ok    ok     ok      ok       ok           ok           ok
    Extend         4118     ok      4096 4097      4111       4113      4026     4026  4026   4026    4026     4026         4026         4231
    ChangePassword 4118     ok      ok   4097      4111       4113      4026     4026  4026   4026    4026     4026         4026         4231
    Configure      4118     ok      ok   4097      4111       4113      4026     4026  4026   4026    4026     4026         4026         4231
    Update         4118     ok      ok   ok        ok         ok        ok       ok    ok     ok      ok       4026         4026           ok
    Delete         4118     ok      4096 4097      4111       4113      4026     ok    ok     4026    4026     ok           4026         4231
    Restart        no       ok      no   no        no         no        no       ok    no     no      no       no           no           no
    Flush          no       ok      no   no        no         no        no       no    no     no      no       no           no           no
    Stop           no       ok      no   no        no         no        no       no    no     no      no       no           no           no
    Start          no       no      no   no        no         no        no       no    ok     no      no       no           no           no
    Read           ok       ok      ok   ok        ok         ok        ok       ok    ok     ok      ok       ok           ok           ok
    Occupy         4118     ok      4096 4097      4111       4113      4026     4026  4026   4026    4026     4026         4026         4231
    Inspect        4118     ok      ok   4097      4111       4113      4026     4026  4026   4026    4026     4026         4026         ok
";

/// What the contract says of a state.
fn column(state: OperationalState) -> &'static str {
    match state {
        OperationalState::BackingUp => "B",
        OperationalState::Occupied(_) => "OCCUPIED",
        OperationalState::In(status) => status.as_str(),
    }
}

/// The cell of the contract's table for an action in a state.
fn cell_of_contract(action: Action, state: OperationalState) -> &'static str {
    let mut lines =
        CONTRACT.lines().map(str::split_whitespace).filter_map(|mut words| Some((words.next()?, words)));
    let (_, mut columns) = lines.next().expect("a head");
    let place = columns.position(|name| name == column(state)).expect("a column");
    let (_, mut cells) = lines.find(|(name, _)| *name == format!("{action:?}")).expect("a row");
    cells.nth(place).expect("a cell")
}

/// What a state refuses with, whatever is asked (written down from the contract's table).
fn refusal_of(code: &str) -> Refusal {
    let all = [
        refusal::CREATING,
        refusal::BACKING_UP,
        refusal::RESTORING,
        refusal::RESTARTING,
        refusal::EXTENDING,
        refusal::WRONG_STATE,
        refusal::ANALYSING,
    ];
    all.into_iter().find(|refusal| refusal.code == format!("DCS.{code}")).expect("a code of the table")
}

/// The code that a state refuses with: that of a backup, which every state but one refuses.
fn code_of(state: OperationalState) -> &'static str {
    cell_of_contract(Action::CreateBackup, state)
}

#[test]
fn the_table_of_the_program_is_that_of_the_contract() {
    let rows = CONTRACT.lines().filter(|line| !line.trim().is_empty()).count() - 1;
    assert_eq!(PERMISSIONS.len(), rows);
    for (action, cells) in PERMISSIONS {
        for (state, permitted) in OperationalState::ALL.into_iter().zip(cells) {
            let expected = cell_of_contract(action, state) == "ok";
            assert_eq!(permitted, expected, "{action:?} in {state:?}");
        }
    }
}

/// A call that asks for an action.
struct Call {
    method: &'static str,
    path: String,
    body: Value,
}

fn call(method: &'static str, path: String, body: Value) -> Call {
    Call { method, path, body }
}

/// Stands in a body for the id of the first node of the instance.
const FIRST_NODE: &str = "the first node";

/// The calls that ask for an action on a version; none if that has none.
fn calls(action: Action, api: Api, subject: &Subject) -> Vec<Call> {
    let instance = subject.id.as_str();
    let path = |rest: &str| format!("{}/{rest}", api.instance(instance));
    let status = |word: &str| {
        vec![call(
            "PUT",
            format!("{}/status", api.instances(PROJECT)),
            json!({"action": word, "instances": [instance]}),
        )]
    };
    let larger = json!({"new_capacity": 4, "spec_code": "redis.ha.xu1.large.r2.4"});
    let passwords = json!({"old_password": "whatever", "new_password": "Secret-12"});
    let parameters =
        json!({"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "5"}]});
    let only_v2 = |calls: Vec<Call>| if api == Api::V2 { calls } else { Vec::new() };
    let mut asked = match action {
        Action::CreateBackup => vec![call("POST", api.backups(instance), json!({}))],
        Action::CreateRestore => {
            vec![call("POST", api.restores(instance), json!({"backup_id": subject.backup}))]
        }
        Action::DeleteBackup => vec![call("DELETE", api.backup(instance, &subject.backup), Value::Null)],
        Action::CreateLinks => {
            vec![call("POST", api.links(instance, &subject.backup), json!({"expiration": 300}))]
        }
        Action::Extend => vec![call("POST", path(if api == Api::V1 { "extend" } else { "resize" }), larger)],
        Action::ChangePassword => vec![call("PUT", path("password"), passwords)],
        Action::Configure => vec![call("PUT", path("configs"), parameters.clone())],
        Action::Update => vec![call("PUT", api.instance(instance), json!({"description": "changed"}))],
        Action::Delete => vec![call("DELETE", api.instance(instance), Value::Null)],
        Action::Restart => status("restart"),
        Action::Flush => status("flush"),
        Action::Stop if api == Api::V1 => status("stop"),
        Action::Start if api == Api::V1 => status("start"),
        Action::Stop | Action::Start | Action::Occupy | Action::Inspect => Vec::new(),
        Action::Read => reads(api)
            .into_iter()
            .map(|path| call("GET", path.replace("{instance_id}", instance), Value::Null))
            .collect(),
    };
    // What only v2 has of the same kind.
    asked.extend(only_v2(match action {
        Action::ChangePassword => {
            vec![call("POST", path("password/reset"), json!({"no_password_access": true}))]
        }
        Action::Occupy => vec![call("POST", path("offline/key-analysis"), json!({"node_id": FIRST_NODE}))],
        Action::Inspect => vec![call("POST", path("bigkey-task"), Value::Null)],
        Action::Configure => vec![
            call("PUT", path("async-configs"), parameters),
            call("PUT", path("nodes/status"), json!({"action": "stop"})),
        ],
        _ => Vec::new(),
    }));
    asked
}

/// The paths of a version that only read something of an instance, and need no other id.
fn reads(api: Api) -> Vec<String> {
    let version = if api == Api::V1 { "/v1.0/" } else { "/v2/" };
    let of_instance = routes::table().iter().filter(|route| {
        let placeholders = route.path.matches('{').count();
        route.method.as_str() == "GET"
            && route.path.starts_with(version)
            && route.path.contains("{instance_id}")
            && placeholders == 2
    });
    of_instance.map(|route| route.path.replace("{project_id}", PROJECT)).collect()
}

/// An instance for a call, and what is there of it.
struct Subject {
    id: String,
    /// Neither open nor in use in any state.
    backup: String,
    /// Restored from, where something is.
    source: String,
    state: OperationalState,
}

impl Subject {
    fn new(number: usize, state: OperationalState) -> Self {
        let id = |kind: u32| format!("00000000-0000-4000-800{kind}-{number:012x}");
        Self { id: id(0), backup: id(1), source: id(2), state }
    }

    /// Its entry in a seed: states that no call leads to are seeded.
    fn entry(&self) -> Value {
        let status = match self.state {
            OperationalState::In(
                status @ (Status::Creating | Status::Error | Status::CreateFailed | Status::Frozen),
            ) => status,
            _ => Status::Running,
        };
        let name = format!("i{}", self.id.replace('-', ""));
        let backups = json!([{"id": self.backup}, {"id": self.source}]);
        json!({"id": self.id, "name": name, "cache_mode": "ha", "status": status.as_str(), "backups": backups})
    }

    /// Leads it into its state, where nothing ends by itself.
    async fn lead(&self, server: &TestServer) {
        let (id, path) = (self.id.as_str(), Api::V1.instance(&self.id));
        let act = async |word: &str| {
            let body = json!({"action": word, "instances": [id]});
            let answer = server.put(&format!("{}/status", Api::V1.instances(PROJECT)), &body).await.ok();
            assert_eq!(answer["results"][0]["result"], "success", "{word}");
        };
        let step = async || {
            let body = json!({"instance_id": id});
            server.post("/_emulator/transitions/instance/step", &body).await.ok();
        };
        match self.state {
            OperationalState::BackingUp => drop(server.create_backup(id).await),
            OperationalState::Occupied(_) => {
                let path = format!("{}/offline/key-analysis", Api::V2.instance(id));
                ask(server, &call("POST", path, json!({"node_id": FIRST_NODE}))).await.ok();
            }
            OperationalState::In(status) => match status {
                Status::Running
                | Status::Creating
                | Status::Error
                | Status::CreateFailed
                | Status::Frozen => {}
                Status::Restoring => {
                    drop(server.restore(Api::V1, id, &json!({"backup_id": self.source})).await);
                }
                Status::Restarting => act("restart").await,
                Status::Extending => {
                    let answer = server.post(&format!("{path}/extend"), &json!({"new_capacity": 8})).await;
                    assert_eq!(answer.status, 204);
                }
                Status::Flushing => act("flush").await,
                Status::Closing => act("stop").await,
                Status::Closed => {
                    act("stop").await;
                    step().await;
                }
                Status::Starting => {
                    act("stop").await;
                    step().await;
                    act("start").await;
                }
            },
        }
        let expected = match self.state {
            OperationalState::BackingUp | OperationalState::Occupied(_) => "RUNNING",
            OperationalState::In(status) => status.as_str(),
        };
        assert_eq!(server.status(Api::V2, id).await, expected);
    }

    /// Everything that a call could change.
    async fn everything(&self, server: &TestServer) -> Vec<Value> {
        let id = self.id.as_str();
        let mut shown = server.get(&Api::V2.instance(id)).await.ok();
        // The present time.
        shown["bandwidth_info"] = Value::Null;
        let of = async |path: String| server.get(&path).await.ok();
        let tasks = of(format!("{}/tasks", Api::V2.instance(id))).await;
        vec![shown, tasks, of(Api::V1.backups(id)).await, of(Api::V1.restores(id)).await]
    }
}

/// Makes a server on which nothing ends by itself, with a subject for each call of an action in each state, led into it.
async fn subjects(action: Action, api: Api) -> (TestServer, Vec<(Subject, Call)>) {
    let server = TestServer::seeded("{}", &[]).await;
    let mut pairs = Vec::new();
    for state in OperationalState::ALL {
        let kinds = calls(action, api, &Subject::new(0, state)).len();
        for kind in 0..kinds {
            // One instance is enough for calls that change nothing.
            let number = if action == Action::Read { pairs.len() - kind } else { pairs.len() };
            let subject = Subject::new(number, state);
            let call = calls(action, api, &subject).swap_remove(kind);
            pairs.push((subject, call));
        }
    }
    let mut distinct: Vec<&Subject> = pairs.iter().map(|(subject, _)| subject).collect();
    distinct.dedup_by(|one, other| one.id == other.id);
    let entries: Vec<Value> = distinct.iter().map(|subject| subject.entry()).collect();
    let seed = json!({"projects": [{"id": PROJECT, "name": "cells", "instances": entries}]});
    server.call("POST", "/_emulator/seed").json(&seed).send().await.ok();
    for model in ["backup", "restore", "analysis", "instance"] {
        server.put(&format!("/_emulator/transitions/{model}"), &json!({"progression": "manual"})).await.ok();
    }
    join_all(distinct.iter().map(|subject| subject.lead(&server))).await;
    (server, pairs)
}

async fn ask(server: &TestServer, Call { method, path, body }: &Call) -> Answer {
    let call = server.call(method, path);
    if body.is_null() {
        return call.send().await;
    }
    let mut body = body.clone();
    if body["node_id"] == FIRST_NODE {
        let (instance, _) = path.split_once("/offline").expect("a path below an instance");
        let groups =
            server.get(&format!("{}/groups", instance.replace("/instances/", "/instance/"))).await.ok();
        body["node_id"] = groups["group_list"][0]["replication_list"][0]["node_id"].clone();
    }
    call.json(&body).send().await
}

/// Makes sure that a call was refused as its cell has it.
fn assert_refused(action: Action, api: Api, subject: &Subject, answer: &Answer) {
    let cell = cell_of_contract(action, subject.state);
    if cell == "no" && api == Api::V1 {
        assert_eq!(each(&answer.ok()["results"], "result"), ["failed"], "{action:?} in {:?}", subject.state);
        return;
    }
    // On v2 the one client that acts on a single instance comes again only after the code of its state; that is the same
    // for every action, and where no work is ever refused it is that of states that lead nowhere.
    let code = match cell {
        "no" => code_of(subject.state),
        code => code,
    };
    answer.assert_refused_by(api, &refusal_of(code));
}

fn assert_permitted(answer: &Answer, place: &str) {
    assert!((200..300).contains(&answer.status), "{place}: {} {}", answer.status, answer.text());
    if let Ok(body) = serde_json::from_slice::<Value>(&answer.body)
        && let Some(results) = body["results"].as_array()
    {
        assert!(results.iter().all(|result| result["result"] == "success"), "{place}: {body}");
    }
}

async fn every_cell_of(action: Action) {
    for api in Api::BOTH {
        let (server, pairs) = subjects(action, api).await;
        let (_, cells) = PERMISSIONS.iter().find(|(of, _)| *of == action).expect("a row");
        let mut tried = 0;
        for (subject, call) in &pairs {
            let place = format!("{api:?}: {action:?} in {:?}: {} {}", subject.state, call.method, call.path);
            let column = OperationalState::ALL.iter().position(|state| *state == subject.state);
            let permitted = cells[column.expect("a column")];
            let before = subject.everything(&server).await;
            let answer = ask(&server, call).await;
            if permitted {
                assert_permitted(&answer, &place);
            } else {
                assert_refused(action, api, subject, &answer);
                assert_eq!(subject.everything(&server).await, before, "{place}");
            }
            tried += 1;
        }
        let has_none = match api {
            Api::V1 => matches!(action, Action::Occupy | Action::Inspect),
            Api::V2 => matches!(action, Action::Stop | Action::Start),
        };
        assert!(has_none == (tried == 0) && tried % OperationalState::ALL.len() == 0, "{action:?}: {tried}");
    }
}

/// A test for each row of the table.
macro_rules! rows {
    ($($test:ident: $action:ident,)+) => {
        $(#[tokio::test]
        async fn $test() {
            every_cell_of(Action::$action).await;
        })+

        #[test]
        fn every_row_of_the_table_has_a_test() {
            let tested = [$(Action::$action),+, Action::Read];
            assert!(PERMISSIONS.iter().all(|(action, _)| tested.contains(action)) && tested.len() == PERMISSIONS.len());
        }
    };
}

rows! {
    a_backup_is_made: CreateBackup,
    an_instance_is_restored: CreateRestore,
    a_backup_is_deleted: DeleteBackup,
    links_are_made: CreateLinks,
    another_size_is_given: Extend,
    a_password_is_changed: ChangePassword,
    parameters_are_changed: Configure,
    an_instance_is_changed: Update,
    an_instance_is_deleted: Delete,
    an_instance_is_restarted: Restart,
    an_instance_is_emptied: Flush,
    an_instance_is_stopped: Stop,
    an_instance_is_started: Start,
    a_backup_is_analysed: Occupy,
    big_keys_are_looked_for: Inspect,
}

#[tokio::test]
async fn everything_can_be_read_in_every_situation() {
    for api in Api::BOTH {
        let (server, pairs) = subjects(Action::Read, api).await;
        let reads = reads(api).len();
        assert_eq!(pairs.len(), reads * OperationalState::ALL.len());
        assert!(reads > if api == Api::V1 { 6 } else { 25 }, "{reads}");
        // Some need a parameter, and say so: the same in every state.
        let running =
            pairs.iter().filter(|(subject, _)| subject.state == OperationalState::In(Status::Running));
        let statuses = join_all(running.map(|(_, call)| ask(&server, call))).await;
        let statuses: Vec<u16> = statuses.iter().map(|answer| answer.status).collect();
        assert!(
            statuses.iter().filter(|status| **status == 200).count() * 10 >= statuses.len() * 8,
            "{statuses:?}"
        );
        for (place, (subject, call)) in pairs.iter().enumerate() {
            let before = subject.everything(&server).await;
            let answer = ask(&server, call).await;
            assert_eq!(answer.status, statuses[place % reads], "{:?}: {}", subject.state, call.path);
            assert_eq!(subject.everything(&server).await, before, "{}", call.path);
        }
        let listed =
            server.get(&format!("{}?{}", api.instances(PROJECT), "limit=100&includeFailure=true")).await.ok();
        let statuses: std::collections::BTreeSet<String> =
            each(&listed["instances"], "status").iter().map(text).collect();
        assert_eq!(statuses.len(), Status::ALL.len());
    }
}
