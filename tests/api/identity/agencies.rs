//! Agencies (networks document, section 7.3): assumed by a token or a signature, in each way that clients know, as the account they are in.

use serde_json::{Value, json};

use crate::support::identity::{
    ALICE, Carried, DOMAIN, DOMAIN_ID, KEY, Key, READER, TemporaryKey, USER_ID, login, project, token_in,
    users,
};
use crate::support::seed::{HA, OTHER_PROJECT, PROJECT, UNKNOWN_PROJECT};
use crate::support::signer::Form;
use crate::support::{Answer, Api, Covered, REAL_START, TestServer, covered, refusal, text};

use crate::identity::logins::assert_keystone;

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", ASSUME, an_agency_is_assumed_by_its_urn),
    covered("GET", WHO, an_agency_is_assumed_by_its_urn),
    covered("POST", ID_TOKEN, an_id_token_is_taken_on_trust_unless_strict),
];

const ASSUME: &str = "/v5/agencies/assume";
const WHO: &str = "/v5/caller-identity";
const KEYS: &str = "/v3.0/OS-CREDENTIAL/securitytokens";
const ID_TOKEN: &str = "/v3.0/OS-AUTH/id-token/tokens";
const ACME_ID: &str = "0123456789abcdef0123456789abcdef";
const WAY: (Form, Carried) = (Form::Credential, Carried::Added);

/// The seed of users, with an agency that reads in one project, and one that may do all but one thing.
fn seed() -> String {
    format!(
        "agencies:\n  - {{name: auditors, roles: {{{PROJECT}: dcs_reader}}}}\n  - {{name: ops, id: {USER_ID}, deny: [dcs:instance:list]}}\n{}",
        users()
    )
}

/// The login of who assumes an agency.
fn assuming(role: &Value, scope: &Value) -> Value {
    json!({"auth": {"identity": {"methods": ["assume_role"], "assume_role": role}, "scope": scope}})
}

/// What asks for a temporary key of an agency.
fn asking(role: &Value) -> Value {
    json!({"auth": {"identity": {"methods": ["assume_role"], "assume_role": role}}})
}

impl TestServer {
    async fn post_signed(&self, key: Key, path: &str, body: &Value) -> Answer {
        self.signed(Form::Access, key, "POST", path, body.to_string().as_bytes()).send().await
    }

    async fn signed_get(&self, key: &TemporaryKey, path: &str) -> Answer {
        self.signed_for_a_while(REAL_START, WAY, key, ("GET", path, b"")).send().await
    }
}

#[tokio::test]
async fn a_login_as_an_agency_tells_who_it_is_and_who_has_assumed_it() {
    let server = TestServer::seeded(&seed(), &[("auth", "strict")]).await;
    let alice = server.token_of("alice", PROJECT).await;
    let acme = json!({"id": ACME_ID, "name": "acme"});
    for role in [
        json!({"domain_name": "acme", "xrole_name": "ops"}),
        json!({"domain_id": ACME_ID, "agency_name": "ops"}),
    ] {
        let scope = json!({"project": {"name": "eu-de_other", "domain": {"name": "acme"}}});
        let body = assuming(&role, &scope);
        let by_token = server.call("POST", "/v3/auth/tokens").header("x-auth-token", &alice).json(&body);
        let by_token = by_token.send().await;
        let by_key = server.post_signed(ALICE, "/v3/auth/tokens", &body).await;
        for answer in [by_token, by_key] {
            let token = token_in(&answer);
            let mut shown = answer.json()["token"].take();
            shown["catalog"].take();
            let alices_id = shown["assumed_by"]["user"]["id"].clone();
            assert_eq!(
                shown,
                json!({
                    "methods": ["assume_role"],
                    "issued_at": "2026-01-02T03:04:05.000000Z",
                    "expires_at": "2026-01-03T03:04:05.000000Z",
                    "user": {"id": USER_ID, "name": "acme/ops", "domain": acme},
                    "project": {"id": OTHER_PROJECT, "name": "eu-de_other", "domain": acme},
                    "roles": [{"id": "0", "name": "dcs_admin"}],
                    "catalog": null,
                    "assumed_by": {"user": {"id": alices_id, "name": "alice", "domain": acme}},
                })
            );
            let show = server.call("GET", "/v3/auth/tokens").header("x-auth-token", &token);
            assert_eq!(show.header("x-subject-token", &token).send().await.ok(), answer.json());
            // Alice herself has nothing to do with that project, and the agency is denied something.
            let call = |path: &str| server.call("GET", path).header("x-auth-token", &token);
            let denied = call(&Api::V2.instances(OTHER_PROJECT)).send().await;
            denied.assert_refused_by(Api::V2, &refusal::action_denied("dcs:instance:list"));
        }
    }
    let scope = json!({"domain": {"name": "acme"}});
    let body = assuming(&json!({"domain_name": "acme", "agency_name": "ops"}), &scope);
    let of_domain = server.post_signed(ALICE, "/v3/auth/tokens", &body).await;
    assert_eq!(of_domain.json()["token"]["domain"], acme);
    let nobody = server.post("/v3/auth/tokens", &body).await;
    assert_keystone(&nobody, 401, "Unauthorized");
}

#[tokio::test]
async fn a_key_of_an_agency_may_do_what_the_agency_may() {
    let server = TestServer::seeded(&seed(), &[("auth", "strict")]).await;
    let role = json!({"agency_name": "auditors", "domain_name": "acme", "duration_seconds": 43_200});
    let key = TemporaryKey::of(&server.post_signed(ALICE, KEYS, &asking(&role)).await);
    server.signed_get(&key, &Api::V1.instances(PROJECT)).await.ok();
    let elsewhere = server.signed_get(&key, &Api::V1.instances(OTHER_PROJECT)).await;
    elsewhere.assert_refused(&refusal::OTHER_PROJECT);
    let create = Api::V1.backups(HA);
    let write = server.signed_for_a_while(REAL_START, WAY, &key, ("POST", &create, b"{}")).send().await;
    write.assert_refused(&refusal::READ_ONLY);
    let role = json!({"agency_name": "ops"});
    let ops = TemporaryKey::of(&server.post_signed(READER, KEYS, &asking(&role)).await);
    server.signed_for_a_while(REAL_START, WAY, &ops, ("POST", &create, b"{}")).send().await.ok();
    assert_eq!(server.audit().await[0]["who"], "user:acme/ops");
    // One agency assumes another.
    let body = asking(&json!({"agency_name": "auditors"})).to_string();
    let chained =
        server.signed_for_a_while(REAL_START, WAY, &ops, ("POST", KEYS, body.as_bytes())).send().await;
    server.signed_get(&TemporaryKey::of(&chained), &Api::V1.instances(PROJECT)).await.ok();
    // Nobody has its password.
    assert_keystone(&server.log_in(&login("acme/ops", "acme", "")).await, 401, "Unauthorized");
}

#[tokio::test]
async fn an_agency_is_assumed_by_its_urn() {
    let server = TestServer::seeded(&seed(), &[("auth", "strict")]).await;
    let urn = format!("iam::{ACME_ID}:agency:ops");
    let body = json!({"agency_urn": urn, "agency_session_name": "run"});
    let answer = server.post_signed(ALICE, ASSUME, &body).await.ok();
    let given = &answer["credentials"];
    assert_eq!(
        (&answer["source_identity"], &answer["assumed_agency"]),
        (
            &json!(""),
            &json!({"urn": format!("sts::{ACME_ID}::assumed-agency:ops/run"), "id": format!("{USER_ID}:run")})
        )
    );
    assert_eq!(given["expiration"], "2026-01-02T04:04:05.000Z");
    assert!(text(&given["access_key_id"]).starts_with("HST"), "{given}");
    let key = TemporaryKey {
        access: text(&given["access_key_id"]),
        secret: text(&given["secret_access_key"]),
        token: text(&given["security_token"]),
    };
    assert_eq!(server.signed_get(&key, WHO).await.ok(), json!({"account_id": ACME_ID}));
    server.signed_for_a_while(REAL_START, WAY, &key, ("POST", &Api::V2.backups(HA), b"{}")).send().await.ok();
    for (urn, status) in [
        (format!("iam::{ACME_ID}:agency:nobody"), 404),
        (format!("iam::{UNKNOWN_PROJECT}:agency:ops"), 404),
        ("ops".to_owned(), 404),
    ] {
        let body = json!({"agency_urn": urn, "agency_session_name": "run"});
        let refused = server.post_signed(ALICE, ASSUME, &body).await;
        let expected = json!({
            "error_code": "STS5.1106", "error_msg": format!("the agency '{urn}' cannot be found"),
        });
        assert_eq!((refused.status, refused.json()), (status, expected));
    }
    for seconds in [899, 43_201] {
        let body = json!({"agency_urn": urn, "agency_session_name": "run", "duration_seconds": seconds});
        assert_keystone(&server.post_signed(ALICE, ASSUME, &body).await, 400, "Bad Request");
    }
    assert_keystone(&server.post(ASSUME, &body).await, 401, "Unauthorized");
}

#[tokio::test]
async fn in_strict_an_agency_that_no_seed_names_is_not_found() {
    let server = TestServer::seeded(&seed(), &[("auth", "strict")]).await;
    for role in [
        json!({"agency_name": "nobody"}),
        json!({"agency_name": "nobody", "domain_name": "acme"}),
        json!({"agency_name": "ops", "domain_name": "elsewhere"}),
        json!({"agency_name": "ops", "domain_id": UNKNOWN_PROJECT}),
        json!({"agency_name": "ops", "domain_id": "x"}),
    ] {
        assert_keystone(&server.post_signed(ALICE, KEYS, &asking(&role)).await, 404, "Not Found");
        let body = assuming(&role, &project(PROJECT));
        assert_keystone(&server.post_signed(ALICE, "/v3/auth/tokens", &body).await, 404, "Not Found");
    }
    for role in [json!({}), json!({"agency_name": ""}), json!({"agency_name": "a/b"})] {
        let body = assuming(&role, &project(PROJECT));
        assert_keystone(&server.post_signed(ALICE, "/v3/auth/tokens", &body).await, 400, "Bad Request");
    }
    let agencies = server.rows("SELECT json_array(agency) FROM users WHERE agency IS NOT NULL").await;
    assert_eq!(json!(agencies), json!([["auditors"], ["ops"]]));
}

/// What a provider does that assumes an agency of another account: it looks up the domain and the project of that account with the new key.
#[tokio::test]
async fn in_lenient_any_agency_of_any_account_lets_in_and_the_look_ups_are_of_that_account() {
    let mut server = TestServer::start().await;
    for (role, id, name) in [
        (json!({"agency_name": "a", "domain_name": "elsewhere"}), DOMAIN_ID, "elsewhere"),
        (json!({"agency_name": "a", "domain_id": UNKNOWN_PROJECT}), UNKNOWN_PROJECT, UNKNOWN_PROJECT),
        (json!({"agency_name": "a", "domain_name": DOMAIN}), DOMAIN_ID, DOMAIN),
    ] {
        let key = TemporaryKey::of(&server.post_signed(KEY, KEYS, &asking(&role)).await);
        let domains = server.signed_get(&key, "/v3/auth/domains").await.ok();
        assert_eq!(
            (&domains["domains"][0]["id"], &domains["domains"][0]["name"]),
            (&json!(id), &json!(name))
        );
        let projects = server.signed_get(&key, &format!("/v3/projects?domain_id={id}&name=eu-de")).await.ok();
        assert_eq!(projects["projects"][0]["id"], PROJECT);
        assert_eq!(projects["projects"].as_array().map(Vec::len), Some(1));
        assert_eq!(server.signed_get(&key, WHO).await.ok(), json!({"account_id": id}));
        server
            .signed_for_a_while(REAL_START, WAY, &key, ("POST", &Api::V1.backups(HA), b"{}"))
            .send()
            .await
            .ok();
        let audit = server.audit().await;
        assert_eq!(audit.last().expect("an event")["who"], format!("user:{name}/a"));
        // The one login more of a provider with the older settings.
        let scope = json!({"project": {"name": "eu-de", "domain": {"name": name}}});
        let login = server.post_signed(KEY, "/v3/auth/tokens", &assuming(&role, &scope)).await;
        assert_eq!(login.json()["token"]["user"]["name"], format!("{name}/a"));
        let token = token_in(&login);
        server.call("GET", &Api::V1.instances(PROJECT)).header("x-auth-token", &token).send().await.ok();
        let scope = json!({"domain": {"name": name}});
        token_in(&server.post_signed(KEY, "/v3/auth/tokens", &assuming(&role, &scope)).await);
        let created = json!({
            "name": format!("by-{}", audit.len()), "engine": "Redis", "engine_version": "6.0", "capacity": 2,
            "no_password_access": true, "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2",
            "az_codes": ["eu-de-01"],
        });
        let create =
            server.call("POST", &Api::V2.instances(PROJECT)).header("x-auth-token", &token).json(&created);
        let instance = text(&create.send().await.ok()["instances"][0]["instance_id"]);
        assert_eq!(server.shown(Api::V2, &instance).await["user_name"], format!("{name}/a"));
    }
    // None of them is in an export, and strict knows none.
    assert!(!server.export().await.contains("agencies"));
    let own = |name: &str| assuming(&json!({"agency_name": name}), &project(PROJECT));
    let token = token_in(&server.post_signed(KEY, "/v3/auth/tokens", &own("a")).await);
    let other = token_in(&server.post_signed(KEY, "/v3/auth/tokens", &own("b")).await);
    // A seed takes one over, and leaves its tokens good.
    server.seed(&format!("agencies: [{{name: a, roles: {{{OTHER_PROJECT}: dcs_reader}}}}]"), "").await.ok();
    server.set(&[("auth", "strict")]);
    server.restart().await;
    assert_keystone(&server.post_signed(KEY, "/v3/auth/tokens", &own("b")).await, 404, "Not Found");
    let get = |token: &str| server.call("GET", &Api::V1.instances(PROJECT)).header("x-auth-token", token);
    get(&token).send().await.assert_refused_by(Api::V1, &refusal::NO_ROLE);
    assert_eq!(get(&other).send().await.status, 401);
}

#[tokio::test]
async fn an_agency_is_renamed_only_by_a_seed_that_overwrites() {
    let server = TestServer::seeded(&seed(), &[("auth", "strict")]).await;
    let alice = server.token_of("alice", PROJECT).await;
    let assume = async |name: &str| {
        let login = assuming(&json!({"agency_name": name}), &project(PROJECT));
        let call = server.call("POST", "/v3/auth/tokens").header("x-auth-token", &alice);
        call.json(&login).send().await.status
    };
    let renamed = format!("agencies: [{{name: operators, id: {USER_ID}}}]");
    let differences = async |query: &str| server.seed(&renamed, query).await.ok()["differences"].to_string();
    assert!(differences("").await.contains("agency operators was there already and stays as it is"));
    assert_eq!((assume("ops").await, assume("operators").await), (201, 404));
    assert!(!differences("?overwrite=true").await.contains("agency"));
    assert_eq!((assume("ops").await, assume("operators").await), (404, 201));
    let refused = server.seed("agencies: [{name: a/b}]", "").await;
    assert!(refused.status == 400 && refused.text().contains("agencies[0].name"), "{}", refused.text());
}

#[tokio::test]
async fn agencies_are_seeded_exported_overwritten_and_reset() {
    let server = TestServer::seeded(&seed(), &[("auth", "strict")]).await;
    let document = server.export().await;
    let exported: Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(exported["agencies"][0]["roles"], json!({PROJECT: "dcs_reader"}));
    assert_eq!(
        exported["agencies"][1],
        json!({"name": "ops", "id": USER_ID, "roles": {"*": "dcs_admin"}, "deny": ["dcs:instance:list"]})
    );
    server.post("/_emulator/reset", &json!({"seed": false})).await.ok();
    assert!(!server.export().await.contains("agencies"));
    let report = server.seed(&document, "").await.ok();
    assert_eq!(report["differences"], json!([]));
    assert_eq!(server.export().await, document);
    let changed =
        "domain: {id: 0123456789abcdef0123456789abcdef, name: acme}\nagencies: [{name: auditors, roles: {}}]";
    let report = server.seed(changed, "").await.ok();
    assert_eq!(report["differences"], json!(["agency auditors was there already and stays as it is"]));
    assert_eq!(server.export().await, document);
    server.seed(changed, "?overwrite=true").await.ok();
    let exported: Value = serde_json::from_str(&server.export().await).expect("JSON");
    assert_eq!(
        (&exported["agencies"][0]["name"], &exported["agencies"][0]["roles"]),
        (&json!("auditors"), &json!({}))
    );
    for (bad, problem) in [
        ("agencies: [{name: a}, {name: a}]", "agencies[1].name"),
        (
            "agencies: [{name: a, id: 9bfac09d9bcd4eb7bb1465a7bcff815b}, {name: b, id: 9bfac09d9bcd4eb7bb1465a7bcff815b}]",
            "agencies[1].id",
        ),
        ("agencies: [{name: a, roles: {x: dcs_admin}}]", "agencies[0].roles"),
    ] {
        let refused = server.seed(bad, "").await;
        assert!(refused.status == 400 && refused.text().contains(problem), "{}", refused.text());
    }
    // A user is not an agency, nor the other way round.
    let answer = server.post_signed(ALICE, KEYS, &asking(&json!({"agency_name": "alice"}))).await;
    assert_keystone(&answer, 404, "Not Found");
}

#[tokio::test]
async fn an_id_token_is_taken_on_trust_unless_strict() {
    let mut server = TestServer::start().await;
    let log_in = async |server: &TestServer, provider: &str, id: &str| {
        let body = json!({"auth": {"id_token": {"id": id}, "scope": project(PROJECT)}});
        server.call("POST", ID_TOKEN).header("x-idp-id", provider).json(&body).send().await
    };
    let answer = log_in(&server, "github", "eyJ").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["token"]["methods"], json!(["mapped"]));
    assert_eq!(answer.json()["token"]["user"]["name"], format!("{DOMAIN}/github"));
    let token = token_in(&answer);
    // As the provider of HW goes on.
    let asking = json!({"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}});
    let key = server.call("POST", KEYS).header("x-auth-token", &token).json(&asking).send().await;
    let key = TemporaryKey::of(&key);
    server.signed_get(&key, &Api::V2.instances(PROJECT)).await.ok();
    for (provider, id) in [("", "eyJ"), ("github", ""), ("a/b", "eyJ")] {
        assert_eq!(log_in(&server, provider, id).await.status, 400, "{provider} {id}");
    }
    server.set(&[("auth", "strict")]);
    server.restart().await;
    assert_eq!(log_in(&server, "github", "eyJ").await.status, 401);
    assert_eq!(server.signed_get(&key, &Api::V2.instances(PROJECT)).await.status, 401);
}

#[tokio::test]
async fn what_the_built_in_user_has_assumed_ends_with_it() {
    let server = TestServer::seeded(
        &format!("agencies: [{{name: ops}}]\nprojects: [{{id: {PROJECT}}}]"),
        &[("auth", "strict")],
    )
    .await;
    let role = json!({"agency_name": "ops"});
    let key = TemporaryKey::of(&server.post_signed(KEY, KEYS, &asking(&role)).await);
    let login = server.post_signed(KEY, "/v3/auth/tokens", &assuming(&role, &project(PROJECT))).await;
    let token = token_in(&login);
    let by_token = || server.call("GET", &Api::V2.instances(PROJECT)).header("x-auth-token", &token);
    server.signed_get(&key, &Api::V2.instances(PROJECT)).await.ok();
    by_token().send().await.ok();
    server.seed("users: [{name: bob, password: a-Secret-1}]", "").await.ok();
    assert_eq!(server.signed_get(&key, &Api::V2.instances(PROJECT)).await.status, 401);
    assert_eq!(by_token().send().await.status, 401);
}
