//! What is paid for in advance, and the calls of billing (wire contract of the operations of v2, section 13).

use serde_json::{Value, json};

use crate::support::identity::{ALICE, BOB, DOMAIN_ID, READER, users};
use crate::support::seed::{HA, OTHERS_HA, PROJECT, UNKNOWN_INSTANCE};
use crate::support::signer::Form;
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, each, refusal, text};

const DETAILS: &str = "/v2/orders/customer-orders/details";
const PAY: &str = "/v2/orders/customer-orders/pay";
const QUERY: &str = "/v2/orders/suscriptions/resources/query";
const UNSUBSCRIBE: &str = "/v2/orders/subscriptions/resources/unsubscribe";
const RENEWAL: &str = "/v2/orders/subscriptions/resources/autorenew";

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "POST",
        "/v2/{project_id}/orders/instances/{instance_id}/resize",
        another_size_of_what_is_prepaid_is_an_order,
    ),
    covered(
        "GET",
        "/v2/orders/customer-orders/details/{order_id}",
        an_order_is_processed_until_its_instances_run,
    ),
    covered("POST", PAY, an_order_that_is_not_paid_waits_with_its_instance),
    covered("POST", QUERY, an_order_is_processed_until_its_instances_run),
    covered("POST", UNSUBSCRIBE, instances_end_with_their_subscription),
    covered(
        "POST",
        "/v2/orders/subscriptions/resources/autorenew/{resource_id}",
        a_subscription_is_renewed_by_itself_as_long_as_it_is_told_to,
    ),
    covered(
        "DELETE",
        "/v2/orders/subscriptions/resources/autorenew/{resource_id}",
        a_subscription_is_renewed_by_itself_as_long_as_it_is_told_to,
    ),
    covered("GET", "/v2/products/service-types", a_client_may_ask_which_services_there_are),
];

const NO_ORDER: Refusal = Refusal { status: 404, ..refusal::other("CBC.3000", "The order does not exist.") };
const NO_RESOURCE: Refusal = refusal::other("CBC.3001", "The resource does not exist.");
const NOT_PAYABLE: Refusal = refusal::other("CBC.3002", "The order is not waiting for payment.");

fn order(billing: &Value) -> Value {
    let mut order = json!({
        "name": "paid-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "no_password_access": true,
        "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
        "bss_param": {"charging_mode": "prePaid", "period_type": "month", "period_num": 1},
    });
    for (name, value) in billing.as_object().expect("an object") {
        order["bss_param"][name] = value.clone();
    }
    order
}

/// Makes an instance that is paid for in advance; returns its id and that of the order.
async fn buy(server: &TestServer, billing: Value) -> (String, String) {
    let bought = server.post(&Api::V2.instances(PROJECT), &order(&billing)).await.ok();
    (text(&bought["instances"][0]["instance_id"]), text(&bought["order_id"]))
}

async fn details(server: &TestServer, order: &str) -> Value {
    server.get(&format!("{DETAILS}/{order}")).await.ok()["order_info"].take()
}

async fn resources(server: &TestServer, query: Value) -> Value {
    server.post(QUERY, &query).await.ok()
}

async fn unsubscribe(server: &TestServer, ids: &[&str], kind: u8) -> Answer {
    server.post(UNSUBSCRIBE, &json!({"resource_ids": ids, "unsubscribe_type": kind})).await
}

async fn lasting(server: &TestServer) {
    let durations = json!({"CREATING": "15s", "EXTENDING": "25s"});
    let rule = json!({"progression": "time", "durations": durations});
    server.put("/_emulator/transitions/instance", &rule).await.ok();
}

fn to(capacity: u32) -> Value {
    json!({"new_capacity": capacity, "spec_code": format!("redis.ha.xu1.large.r2.{capacity}")})
}

#[tokio::test]
async fn an_order_is_processed_until_its_instances_run() {
    let mut server = TestServer::start().await;
    lasting(&server).await;
    let (instance, order) = buy(&server, json!({"is_auto_pay": "true", "is_auto_renew": ""})).await;
    assert_eq!(
        server.get(&format!("{DETAILS}/{order}")).await.ok(),
        json!({
            "order_info": {
                "order_id": order, "customer_id": DOMAIN_ID, "status": 3, "order_type": 1,
                "service_type_code": "hws.service.type.dcs", "create_time": "2020-03-02T06:15:04Z",
                "payment_time": "2020-03-02T06:15:04Z", "currency": "EUR",
            },
            "total_count": 1, "order_line_items": [],
        })
    );
    server.advance_ms(14_999);
    assert_eq!(details(&server, &order).await["status"], 3);
    server.restart().await;
    server.advance_ms(1);
    assert_eq!(details(&server, &order).await["status"], 5);
    let by_order = resources(&server, json!({"order_id": order, "only_main_resource": 1})).await;
    assert_eq!(
        by_order,
        json!({
            "data": [{
                "id": instance.replace('-', ""), "resource_id": instance, "resource_name": "paid-here", "region_code": "eu-de",
                "service_type_code": "hws.service.type.dcs", "service_type_name": "DCS",
                "resource_type_code": "hws.resource.type.dcs3", "resource_type_name": "DCS",
                "resource_spec_code": "redis.ha.xu1.large.r2.2", "project_id": PROJECT,
                "product_id": "redis.ha.xu1.large.r2.2-h", "parent_resource_id": null, "is_main_resource": 1, "status": 2,
                "effective_time": "2020-03-02T06:15:04Z", "expire_time": "2020-04-02T23:59:59Z", "expire_policy": 0,
            }],
            "total_count": 1,
        })
    );
    assert_eq!(resources(&server, json!({"resource_ids": [instance]})).await, by_order);
    let nothing = json!({"data": [], "total_count": 0});
    for query in [
        json!({"resource_ids": [HA, "x"]}),
        json!({"order_id": "CS1"}),
        json!({"order_id": order, "status_list": [4]}),
        json!({"order_id": order, "expire_time_begin": "2020-04-03T00:00:00Z"}),
        json!({"order_id": order, "expire_time_end": "2020-04-02T00:00:00Z"}),
    ] {
        assert_eq!(resources(&server, query.clone()).await, nothing, "{query}");
    }
    let past = resources(&server, json!({"order_id": order, "offset": 1, "limit": 1})).await;
    assert_eq!(past, json!({"data": [], "total_count": 1}));
    let limit = server.post(QUERY, &json!({"limit": 0})).await;
    limit.assert_refused_by(Api::V2, &refusal::invalid_parameter("limit"));
    for unknown in ["CS1", "x"] {
        server.get(&format!("{DETAILS}/{unknown}")).await.assert_refused_by(Api::V2, &NO_ORDER);
    }
}

#[tokio::test]
async fn several_instances_are_one_order() {
    let server = TestServer::start().await;
    server.put("/_emulator/transitions/instance", &json!({"progression": "manual"})).await.ok();
    let mut wanted = order(&json!({}));
    wanted["instance_num"] = json!(2);
    let bought = server.post(&Api::V2.instances(PROJECT), &wanted).await.ok();
    let order = text(&bought["order_id"]);
    for (number, status) in [(0, 3), (1, 5)] {
        let step = json!({"instance_id": bought["instances"][number]["instance_id"]});
        server.post("/_emulator/transitions/instance/step", &step).await.ok();
        assert_eq!(details(&server, &order).await["status"], status);
    }
    assert_eq!(resources(&server, json!({"order_id": order})).await["total_count"], 2);
}

#[tokio::test]
async fn an_order_that_is_not_paid_waits_with_its_instance() {
    let mut server = TestServer::start().await;
    lasting(&server).await;
    let (instance, order) = buy(&server, json!({"is_auto_pay": "false"})).await;
    server.advance_ms(1_000_000);
    server.restart().await;
    assert_eq!(server.status(Api::V2, &instance).await, "CREATING");
    let shown = details(&server, &order).await;
    assert_eq!((&shown["status"], &shown["payment_time"]), (&json!(6), &Value::Null));
    assert_eq!(resources(&server, json!({"order_id": order})).await["total_count"], 0);
    let payment = json!({"order_id": order, "use_coupon": "NO", "use_discount": "NO"});
    server.post(PAY, &payment).await.assert_no_content();
    let shown = details(&server, &order).await;
    assert_eq!((&shown["status"], &shown["payment_time"]), (&json!(3), &json!("2020-03-02T06:31:44Z")));
    server.post(PAY, &payment).await.assert_refused_by(Api::V2, &NOT_PAYABLE);
    server.advance_ms(14_999);
    assert_eq!(server.status(Api::V2, &instance).await, "CREATING");
    server.advance_ms(1);
    assert_eq!(server.status(Api::V2, &instance).await, "RUNNING");
    assert_eq!(details(&server, &order).await["status"], 5);
    let paid = resources(&server, json!({"order_id": order})).await;
    assert_eq!(paid["data"][0]["effective_time"], "2020-03-02T06:31:44Z");
    server.post(PAY, &json!({"order_id": "CS1"})).await.assert_refused_by(Api::V2, &NO_ORDER);
    server.post(PAY, &json!({})).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("order_id"));
}

#[tokio::test]
async fn another_size_of_what_is_prepaid_is_an_order() {
    let server = TestServer::start().await;
    lasting(&server).await;
    let path = |instance: &str| format!("/v2/{PROJECT}/orders/instances/{instance}/resize");
    let (instance, _) = buy(&server, json!({})).await;
    server.post(&path(&instance), &to(4)).await.assert_refused_by(Api::V2, &refusal::CREATING);
    server.advance_ms(15_000);
    let order = text(&server.post(&path(&instance), &to(4)).await.ok()["order_id"]);
    let shown = details(&server, &order).await;
    assert_eq!((&shown["status"], &shown["order_type"]), (&json!(3), &json!(3)));
    server.advance_ms(25_000);
    assert_eq!(details(&server, &order).await["status"], 5);
    assert_eq!(server.shown(Api::V2, &instance).await["capacity"], 4);
    assert_eq!(
        resources(&server, json!({"order_id": order})).await["data"][0]["resource_id"],
        instance.as_str()
    );
    let by_resize = server.post(&format!("{}/resize", Api::V2.instance(&instance)), &to(8)).await.ok();
    assert_eq!(details(&server, &text(&by_resize["order_id"])).await["status"], 3);
    server
        .post(&path(HA), &to(4))
        .await
        .assert_refused_by(Api::V2, &refusal::invalid_parameter("instance_id"));
    for unknown in [UNKNOWN_INSTANCE, OTHERS_HA] {
        server.post(&path(unknown), &to(4)).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    let unknown = json!({"new_capacity": 4, "spec_code": "none"});
    server.post(&path(&instance), &unknown).await.assert_refused_by(Api::V2, &refusal::INVALID_SPEC_CODE);
}

#[tokio::test]
async fn a_size_that_waits_for_its_window_keeps_its_order_open() {
    let server = TestServer::start().await;
    let (instance, _) = buy(&server, json!({})).await;
    let mut wanted = to(4);
    wanted["execute_immediately"] = json!(false);
    let path = format!("/v2/{PROJECT}/orders/instances/{instance}/resize");
    let order = text(&server.post(&path, &wanted).await.ok()["order_id"]);
    assert_eq!(details(&server, &order).await["status"], 3);
    server.advance_ms(24 * 3_600_000);
    assert_eq!(details(&server, &order).await["status"], 5);
    assert_eq!(server.shown(Api::V2, &instance).await["capacity"], 4);
}

#[tokio::test]
async fn another_size_waits_until_its_order_is_paid() {
    let mut server = TestServer::start().await;
    lasting(&server).await;
    let (instance, bought) = buy(&server, json!({})).await;
    server.advance_ms(15_000);
    let until = async |server: &TestServer| {
        resources(server, json!({"order_id": bought})).await["data"][0]["expire_time"].take()
    };
    let paid_until = until(&server).await;
    server.advance_ms(86_400_000);
    let paths = [
        format!("{}/resize", Api::V2.instance(&instance)),
        format!("/v2/{PROJECT}/orders/instances/{instance}/resize"),
    ];
    let tasks = format!("{}/tasks", Api::V2.instance(&instance));
    for (path, is_auto_pay, capacity) in
        [(&paths[0], json!("false"), 4), (&paths[1], json!(false), 8), (&paths[0], json!(0), 16)]
    {
        let mut wanted = to(capacity);
        wanted["bss_param"] = json!({ "is_auto_pay": is_auto_pay });
        let order = text(&server.post(path, &wanted).await.ok()["order_id"]);
        let before = server.shown(Api::V2, &instance).await;
        let task_count = server.get(&tasks).await.ok()["task_count"].take();
        server.advance_ms(1_000_000);
        server.restart().await;
        let shown = details(&server, &order).await;
        assert_eq!(
            (&shown["status"], &shown["order_type"], &shown["payment_time"]),
            (&json!(6), &json!(3), &Value::Null)
        );
        let meanwhile = server.shown(Api::V2, &instance).await;
        assert_eq!((&meanwhile["status"], &meanwhile["capacity"]), (&json!("RUNNING"), &before["capacity"]));
        assert_eq!(server.get(&tasks).await.ok()["task_count"], task_count);
        let payment = json!({ "order_id": order });
        server.post(PAY, &payment).await.assert_no_content();
        assert_eq!(details(&server, &order).await["status"], 3);
        assert_eq!(server.status(Api::V2, &instance).await, "EXTENDING");
        assert_eq!(server.get(&tasks).await.ok()["tasks"][0]["status"], "EXECUTING");
        server.post(PAY, &payment).await.assert_refused_by(Api::V2, &NOT_PAYABLE);
        server.advance_ms(25_000);
        let resized = server.shown(Api::V2, &instance).await;
        assert_eq!((&resized["status"], &resized["capacity"]), (&json!("RUNNING"), &json!(capacity)));
        assert_eq!(details(&server, &order).await["status"], 5);
    }
    // Time is not what was paid.
    assert_eq!(until(&server).await, paid_until);
}

#[tokio::test]
async fn an_order_is_paid_only_where_it_can_be_carried_out() {
    let server = TestServer::with(&[("backup.duration", "1h")]).await;
    let (instance, _) = buy(&server, json!({})).await;
    let path = format!("{}/resize", Api::V2.instance(&instance));
    let unpaid = |mut wanted: Value| {
        wanted["bss_param"] = json!({"is_auto_pay": "false"});
        wanted
    };
    // What cannot be is not ordered.
    let quota = async |memory_gb: u32| {
        let seed = format!("projects: [{{id: {PROJECT}, quotas: {{memory_gb: {memory_gb}}}}}]");
        server.seed(&seed, "?overwrite=true").await.ok();
    };
    quota(1).await;
    for (wanted, refusal) in [
        (json!({"new_capacity": 4, "spec_code": "none"}), refusal::INVALID_SPEC_CODE),
        (to(4), refusal::MEMORY_QUOTA),
    ] {
        server.post(&path, &unpaid(wanted)).await.assert_refused_by(Api::V2, &refusal);
    }
    quota(512).await;
    let order = async |wanted: Value| text(&server.post(&path, &unpaid(wanted)).await.ok()["order_id"]);
    let pay = async |order: &str| server.post(PAY, &json!({ "order_id": order })).await;
    let later = order(
        json!({"new_capacity": 4, "spec_code": "redis.ha.xu1.large.r2.4", "execute_immediately": false}),
    )
    .await;
    let never = order(to(8)).await;
    server.create_backup(&instance).await;
    pay(&later).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    assert_eq!(details(&server, &later).await["status"], 6);
    server.advance_ms(3_600_000);
    // The window of maintenance opens in the night.
    pay(&later).await.assert_no_content();
    assert_eq!(server.shown(Api::V2, &instance).await["capacity"], 2);
    assert_eq!(details(&server, &later).await["status"], 3);
    server.advance_ms(24 * 3_600_000);
    assert_eq!(server.shown(Api::V2, &instance).await["capacity"], 4);
    assert_eq!(details(&server, &later).await["status"], 5);
    // An instance that is paid for afterwards has nothing to pay before, and v1.0 pays at once.
    let afterwards = format!("{}/resize", Api::V2.instance(HA));
    assert_eq!(server.post(&afterwards, &unpaid(to(4))).await.status, 204);
    let extend = format!("{}/extend", Api::V1.instance(&instance));
    assert_eq!(server.post(&extend, &unpaid(json!({"new_capacity": 16}))).await.status, 204);
    assert_eq!(server.shown(Api::V2, &instance).await["capacity"], 16);
    unsubscribe(&server, &[&instance], 1).await.ok();
    pay(&never).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    assert_eq!(details(&server, &never).await["status"], 6);
}

#[tokio::test]
async fn instances_end_with_their_subscription() {
    let mut server = TestServer::with(&[("backup.duration", "1h")]).await;
    let (first, _) = buy(&server, json!({})).await;
    assert_eq!(server.delete(&Api::V2.instance(&first)).await.json()["error_code"], "DCS.4857");
    let mut another = order(&json!({}));
    another["name"] = json!("paid-too");
    let another = server.post(&Api::V2.instances(PROJECT), &another).await.ok();
    let second = text(&another["instances"][0]["instance_id"]);
    // None or all.
    server.create_backup(&second).await;
    unsubscribe(&server, &[&first, &second], 1).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    for (ids, refusal) in [
        (vec![first.as_str(), HA], NO_RESOURCE),
        (vec![UNKNOWN_INSTANCE], NO_RESOURCE),
        (vec!["x"], NO_RESOURCE),
        (vec![], refusal::invalid_parameter("resource_ids")),
        (vec![first.as_str(); 11], refusal::invalid_parameter("resource_ids")),
    ] {
        unsubscribe(&server, &ids, 1).await.assert_refused_by(Api::V2, &refusal);
    }
    unsubscribe(&server, &[&first], 3)
        .await
        .assert_refused_by(Api::V2, &refusal::invalid_parameter("unsubscribe_type"));
    assert_eq!(server.status(Api::V2, &first).await, "RUNNING");
    // Times that have not begun can end without the instance.
    unsubscribe(&server, &[&first], 2).await.ok();
    assert_eq!(server.status(Api::V2, &first).await, "RUNNING");
    let ended = unsubscribe(&server, &[&first, &first], 1).await.ok();
    assert_eq!(ended["order_ids"].as_array().unwrap().len(), 1);
    server.restart().await;
    server.get(&Api::V2.instance(&first)).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    let shown = details(&server, &text(&ended["order_ids"][0])).await;
    assert_eq!((&shown["status"], &shown["order_type"]), (&json!(5), &json!(4)));
    assert_eq!(each(&resources(&server, json!({})).await["data"], "resource_id"), [second.as_str()]);
    unsubscribe(&server, &[&first], 1).await.assert_refused_by(Api::V2, &NO_RESOURCE);
}

#[tokio::test]
async fn a_subscription_is_renewed_by_itself_as_long_as_it_is_told_to() {
    let mut server = TestServer::start().await;
    let (instance, order) = buy(&server, json!({"is_auto_renew": "true", "period_num": 1})).await;
    let renewal = format!("{RENEWAL}/{instance}");
    let row = async |server: &TestServer| {
        let row = resources(server, json!({"order_id": order})).await["data"][0].take();
        (row["expire_policy"].clone(), row["expire_time"].clone(), row["status"].clone())
    };
    assert_eq!(row(&server).await, (json!(3), json!("2020-04-02T23:59:59Z"), json!(2)));
    server.advance_ms(40 * 86_400_000);
    assert_eq!(row(&server).await, (json!(3), json!("2020-05-02T23:59:59Z"), json!(2)));
    server.delete(&renewal).await.assert_no_content();
    server.restart().await;
    assert_eq!(row(&server).await, (json!(0), json!("2020-05-02T23:59:59Z"), json!(2)));
    server.advance_ms(40 * 86_400_000);
    assert_eq!(row(&server).await, (json!(0), json!("2020-05-02T23:59:59Z"), json!(5)));
    server.call("POST", &renewal).send().await.assert_no_content();
    assert_eq!(row(&server).await.0, 3);
    for unknown in [HA, UNKNOWN_INSTANCE, "x"] {
        let path = format!("{RENEWAL}/{unknown}");
        server.call("POST", &path).send().await.assert_refused_by(Api::V2, &NO_RESOURCE);
        server.delete(&path).await.assert_refused_by(Api::V2, &NO_RESOURCE);
    }
}

#[tokio::test]
async fn orders_are_shown_to_those_who_reach_their_project() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let body = order(&json!({"is_auto_pay": false})).to_string().into_bytes();
    let path = Api::V2.instances(PROJECT);
    let bought = server.signed(Form::Access, ALICE, "POST", &path, &body).send().await.ok();
    let order = text(&bought["order_id"]);
    let path = format!("{DETAILS}/{order}");
    let shown = async |key| server.signed(Form::Access, key, "GET", &path, b"").send().await;
    assert_eq!(shown(ALICE).await.ok()["order_info"]["status"], 6);
    assert_eq!(shown(READER).await.ok()["order_info"]["status"], 6);
    shown(BOB).await.assert_refused_by(Api::V2, &NO_ORDER);
    server.get(&path).await.assert_refused_by(Api::V2, &refusal::NO_TOKEN);
    let payment = json!({"order_id": order}).to_string().into_bytes();
    let pay = async |key| server.signed(Form::Access, key, "POST", PAY, &payment).send().await;
    pay(BOB).await.assert_refused_by(Api::V2, &NO_ORDER);
    pay(READER).await.assert_refused_by(Api::V2, &refusal::READ_ONLY);
    pay(ALICE).await.assert_no_content();
    let list = async |key| {
        server.signed(Form::Access, key, "POST", QUERY, b"{}").send().await.ok()["total_count"].take()
    };
    assert_eq!((list(ALICE).await, list(BOB).await), (json!(1), json!(0)));
}

#[tokio::test]
async fn a_seeded_instance_that_is_prepaid_is_a_resource() {
    let seed = format!(
        "projects:\n  - id: {PROJECT}\n    instances:\n      \
         - {{id: {HA}, cache_mode: ha, charging_mode: 1, order_id: CS2001010000AAAAA, created_at: \"2020-02-01T00:00:00Z\"}}\n"
    );
    let server = TestServer::seeded(&seed, &[]).await;
    let shown = details(&server, "CS2001010000AAAAA").await;
    assert_eq!((&shown["status"], &shown["create_time"]), (&json!(5), &json!("2020-02-01T00:00:00Z")));
    let row = resources(&server, json!({"order_id": "CS2001010000AAAAA"})).await["data"][0].take();
    assert_eq!((&row["resource_id"], &row["expire_time"]), (&json!(HA), &json!("2020-03-01T23:59:59Z")));
    server.call("POST", &format!("{RENEWAL}/{HA}")).send().await.assert_no_content();
    unsubscribe(&server, &[HA], 1).await.ok();
}

#[tokio::test]
async fn a_client_may_ask_which_services_there_are() {
    let server = TestServer::start().await;
    let shown = server.get("/v2/products/service-types?limit=1").await.ok();
    assert_eq!(shown["infos"][0]["service_type_code"], "hws.service.type.dcs");
}
