//! The identity service: version documents, logins, the catalogue (clients and identity document, section 7).

use serde_json::{Value, json};

use crate::support::identity::{
    DOMAIN, DOMAIN_ID, KEY, PASSWORD, USER, USER_ID, login, project, scoped, token_in, users,
};
use crate::support::seed::{OTHER_PROJECT, PROJECT, UNKNOWN_PROJECT};
use crate::support::signer::Form;
use crate::support::{Answer, Covered, TestServer, covered, each, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/", the_version_documents_say_where_identity_stands),
    covered("GET", "/v3", the_version_documents_say_where_identity_stands),
    covered("POST", "/v3/auth/tokens", a_login_by_password_answers_with_everything_that_clients_need),
    covered("GET", "/v3/auth/catalog", the_catalogue_is_of_the_callers_project),
];

/// Makes sure that it is an error as the identity service writes it, with nothing else in its body.
#[track_caller]
pub(crate) fn assert_keystone(answer: &Answer, status: u16, title: &str) {
    let message = answer.json()["error"]["message"].take();
    assert!(message.as_str().is_some_and(|message| !message.is_empty()), "{}", answer.text());
    let expected = json!({"error": {"code": status, "title": title, "message": message}});
    assert_eq!((answer.status, answer.json()), (status, expected));
    assert_eq!(answer.header("x-subject-token"), None);
}

/// The catalogue of a project as clients must find it, all services at one URL.
fn catalog(url: &str, project: Option<&str>) -> Value {
    catalog_at([url; 6], project)
}

/// The catalogue of a project whose services are at these URLs: identity, DCS, billing, VPC, compute, load balancers.
pub(crate) fn catalog_at(
    [identity, dcs, billing, vpc, compute, elb]: [&str; 6],
    project: Option<&str>,
) -> Value {
    let endpoint = |id: &str, region: &str, url: &str| json!({"id": id, "interface": "public", "region": region, "region_id": region, "url": url});
    let at = |url: &str, path: &str| match project {
        Some(project) => format!("{url}{path}/{project}"),
        None => format!("{url}{path}"),
    };
    let (of_project, of_ecs) = (at(dcs, "/v1.0"), at(compute, "/v1"));
    let (identity, billing) = (format!("{identity}/v3"), format!("{billing}/v2"));
    json!([
        {"id": "c1", "type": "identity", "name": "keystone", "endpoints": [
            endpoint("e1", "eu-de", &identity), endpoint("g1", "*", &identity),
        ]},
        {"id": "c2", "type": "dcs", "name": "dcs", "endpoints": [endpoint("e2", "eu-de", &of_project)]},
        {"id": "c3", "type": "dcsv1", "name": "dcsv1", "endpoints": [endpoint("e3", "eu-de", &of_project)]},
        {"id": "c4", "type": "bss", "name": "bss", "endpoints": [
            endpoint("e4", "eu-de", &billing), endpoint("g4", "*", &billing),
        ]},
        {"id": "c5", "type": "network", "name": "neutron", "endpoints": [endpoint("e5", "eu-de", vpc)]},
        {"id": "c6", "type": "vpc", "name": "vpc", "endpoints": [endpoint("e6", "eu-de", &at(vpc, "/v1"))]},
        {"id": "c7", "type": "compute", "name": "nova", "endpoints": [endpoint("e7", "eu-de", &at(compute, "/v2.1"))]},
        {"id": "c8", "type": "ecs", "name": "ecs", "endpoints": [endpoint("e8", "eu-de", &of_ecs)]},
        {"id": "c9", "type": "elb", "name": "elb", "endpoints": [endpoint("e9", "eu-de", &format!("{elb}/v1.0"))]},
        {"id": "c10", "type": "elbv3", "name": "elbv3", "endpoints": [endpoint("e10", "eu-de", &at(elb, "/v3"))]},
    ])
}

#[tokio::test]
async fn the_version_documents_say_where_identity_stands() {
    let server = TestServer::start().await;
    let version = |host: &str| {
        json!({
            "id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": format!("http://{host}/v3/")}],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
        })
    };
    for host in [server.address().to_string(), "iam.example.com:8080".to_owned()] {
        let all = server.call("GET", "/").header("host", &host).send().await;
        // 300 is what the protocol asks for: there are several, choose one.
        assert_eq!((all.status, all.json()), (300, json!({"versions": {"values": [version(&host)]}})));
        for path in ["/v3", "/v3/"] {
            let one = server.call("GET", path).header("host", &host).send().await;
            assert_eq!(one.ok(), json!({"version": version(&host)}));
        }
    }
}

#[tokio::test]
async fn a_login_by_password_answers_with_everything_that_clients_need() {
    let server = TestServer::start().await;
    let answer = server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), project(PROJECT))).await;
    let token = token_in(&answer);
    assert!(
        (32..=128).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{token}"
    );
    let domain = json!({"id": DOMAIN_ID, "name": DOMAIN});
    let expected = json!({"token": {
        "methods": ["password"],
        // By the real clock.
        "issued_at": "2026-01-02T03:04:05.000000Z",
        "expires_at": "2026-01-03T03:04:05.000000Z",
        "user": {"id": USER_ID, "name": USER, "domain": domain},
        "project": {"id": PROJECT, "name": "eu-de", "domain": domain},
        "roles": [{"id": "0", "name": "dcs_admin"}],
        "catalog": catalog(&format!("http://{}", server.address()), Some(PROJECT)),
    }});
    assert_eq!(answer.json(), expected);
    let again = token_in(&server.log_in(&login(USER, DOMAIN, PASSWORD)).await);
    assert_ne!(again, token, "every token is another");
}

/// A login by name or id of the user, with a domain.
fn by(user: Value, password: &str) -> Value {
    let mut user = user;
    user["password"] = json!(password);
    json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
}

#[tokio::test]
async fn a_user_is_named_by_name_or_id_and_so_is_the_domain() {
    let server = TestServer::start().await;
    for user in [
        json!({"name": USER, "domain": {"name": DOMAIN}}),
        json!({"name": USER, "domain": {"id": DOMAIN_ID}}),
        json!({"name": USER, "domain": {"id": DOMAIN_ID.to_uppercase()}}),
        json!({"name": USER}),
        json!({"id": USER_ID}),
        json!({"id": USER_ID, "domain": {"name": DOMAIN}}),
    ] {
        let answer = server.log_in(&by(user.clone(), PASSWORD)).await;
        token_in(&answer);
        assert_eq!(answer.json()["token"]["user"]["id"], USER_ID, "{user}");
    }
    // A second factor may accompany it.
    let mut totp = login(USER, DOMAIN, PASSWORD);
    totp["auth"]["identity"]["methods"] = json!(["password", "totp"]);
    totp["auth"]["identity"]["totp"] = json!({"user": {"id": USER_ID, "passcode": "123456"}});
    token_in(&server.log_in(&totp).await);
}

#[tokio::test]
async fn a_wrong_login_is_401_and_does_not_say_what_was_wrong() {
    let server = TestServer::start().await;
    let good = login(USER, DOMAIN, PASSWORD);
    let wrong = [
        login(USER, DOMAIN, "wrong"),
        login(USER, DOMAIN, ""),
        login(USER, DOMAIN, "Emulator-password"),
        login("nobody", DOMAIN, PASSWORD),
        login("Emulator", DOMAIN, PASSWORD),
        login(USER, "other-domain", PASSWORD),
        by(json!({"id": UNKNOWN_PROJECT}), PASSWORD),
        by(json!({"id": "x"}), PASSWORD),
        by(json!({"name": USER, "domain": {"id": UNKNOWN_PROJECT}}), PASSWORD),
        by(json!({"name": USER, "domain": {"id": "x"}}), PASSWORD),
        scoped(good.clone(), json!({"project": {"name": "nothing"}})),
        scoped(good.clone(), json!({"project": {"id": "x"}})),
        scoped(good.clone(), json!({"domain": {"name": "other-domain"}})),
        scoped(good, json!({"domain": {"id": UNKNOWN_PROJECT}})),
    ];
    let mut messages = Vec::new();
    for body in wrong {
        let answer = server.log_in(&body).await;
        assert_keystone(&answer, 401, "Unauthorized");
        messages.push(text(&answer.json()["error"]["message"]));
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let tokens = server.rows("SELECT json_array(count(*)) FROM tokens").await;
    assert_eq!(tokens, [json!([0])]);
}

#[tokio::test]
async fn a_login_that_cannot_be_read_is_400() {
    let server = TestServer::start().await;
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"auth": {}}"#,
        r#"{"auth": {"identity": {"methods": []}}}"#,
        r#"{"auth": {"identity": {"methods": ["password"]}}}"#,
        r#"{"auth": {"identity": {"methods": ["token"]}}}"#,
        r#"{"auth": {"identity": {"methods": ["saml2"]}}}"#,
        r#"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"password": "x"}}}}}"#,
        r#"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "emulator"}}}}}"#,
        r#"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": 1, "password": "x"}}}}}"#,
    ] {
        let answer = server.call("POST", "/v3/auth/tokens").body(body).send().await;
        assert_keystone(&answer, 400, "Bad Request");
    }
    // Errors below /v3 have one shape, whatever they are.
    assert_keystone(&server.get("/v3/nothing").await, 404, "Not Found");
    assert_keystone(&server.call("PUT", "/v3/auth/tokens").send().await, 405, "Method Not Allowed");
}

#[tokio::test]
async fn a_project_is_named_by_id_or_name_and_is_the_first_when_nothing_is_said() {
    let server = TestServer::start().await;
    let good = login(USER, DOMAIN, PASSWORD);
    for (body, id, name) in [
        (good.clone(), PROJECT, "eu-de"),
        (scoped(good.clone(), json!(null)), PROJECT, "eu-de"),
        (scoped(good.clone(), json!({})), PROJECT, "eu-de"),
        (scoped(good.clone(), project(PROJECT)), PROJECT, "eu-de"),
        (scoped(good.clone(), project(&PROJECT.to_uppercase())), PROJECT, "eu-de"),
        (scoped(good.clone(), json!({"project": {"name": "eu-de"}})), PROJECT, "eu-de"),
        (
            scoped(good.clone(), json!({"project": {"name": "eu-de", "domain": {"name": DOMAIN}}})),
            PROJECT,
            "eu-de",
        ),
        (
            scoped(good.clone(), json!({"project": {"name": "other", "domain": {"id": DOMAIN_ID}}})),
            OTHER_PROJECT,
            "other",
        ),
        (scoped(good.clone(), project(OTHER_PROJECT)), OTHER_PROJECT, "other"),
        // A project comes before a domain.
        (
            scoped(good, json!({"domain": {"name": DOMAIN}, "project": {"name": "other"}})),
            OTHER_PROJECT,
            "other",
        ),
    ] {
        let answer = server.log_in(&body).await;
        token_in(&answer);
        let token = answer.json()["token"].take();
        assert_eq!(
            (&token["project"]["id"], &token["project"]["name"]),
            (&json!(id), &json!(name)),
            "{body}"
        );
        assert_eq!(token["catalog"], catalog(&format!("http://{}", server.address()), Some(id)));
        assert_eq!(token.get("domain"), None);
    }
}

#[tokio::test]
async fn a_project_of_another_domain_is_not_to_be_had() {
    let server = TestServer::start().await;
    let scope = json!({"project": {"name": "eu-de", "domain": {"name": "other-domain"}}});
    let answer = server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), scope)).await;
    assert_keystone(&answer, 401, "Unauthorized");
}

#[tokio::test]
async fn a_token_of_a_domain_has_the_domain_in_the_projects_place() {
    let server = TestServer::start().await;
    for domain in [json!({"name": DOMAIN}), json!({"id": DOMAIN_ID})] {
        let answer = server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), json!({"domain": domain}))).await;
        token_in(&answer);
        let token = answer.json()["token"].take();
        assert_eq!(token["domain"], json!({"id": DOMAIN_ID, "name": DOMAIN}));
        assert_eq!((token.get("project"), &token["roles"]), (None, &json!([])));
        assert_eq!(token["catalog"], catalog(&format!("http://{}", server.address()), None));
    }
}

#[tokio::test]
async fn the_catalogue_is_left_out_when_it_is_not_wanted_and_names_the_host_that_was_asked() {
    let server = TestServer::start().await;
    let body = login(USER, DOMAIN, PASSWORD);
    for query in ["nocatalog", "nocatalog=", "nocatalog=true", "a=b&nocatalog"] {
        let answer = server.post(&format!("/v3/auth/tokens?{query}"), &body).await;
        token_in(&answer);
        assert_eq!(answer.json()["token"].get("catalog"), None, "{query}");
    }
    let answer = server.post("/v3/auth/tokens?catalog", &body).await;
    assert!(answer.json()["token"]["catalog"].is_array());
    let elsewhere = server.call("POST", "/v3/auth/tokens").header("host", "emulator.example.com:8637");
    let catalog_there = elsewhere.json(&body).send().await.json()["token"]["catalog"].take();
    assert_eq!(catalog_there, catalog("http://emulator.example.com:8637", Some(PROJECT)));
    let hostile =
        server.call("POST", "/v3/auth/tokens").header("host", "evil.test/x").json(&body).send().await;
    assert!(!hostile.text().contains("evil.test"), "{}", hostile.text());
}

#[tokio::test]
async fn the_catalogue_is_of_the_callers_project() {
    let server = TestServer::start().await;
    let url = format!("http://{}", server.address());
    let shown = |project: Option<&str>| json!({"catalog": catalog(&url, project), "links": {"self": format!("{url}/v3/auth/catalog"), "next": null, "previous": null}});
    let path = "/v3/auth/catalog";
    let other =
        token_in(&server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), project(OTHER_PROJECT))).await);
    let of_token = server.call("GET", path).header("x-auth-token", &other).send().await;
    assert_eq!(of_token.ok(), shown(Some(OTHER_PROJECT)));
    let domain = token_in(
        &server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), json!({"domain": {"name": DOMAIN}}))).await,
    );
    let of_domain = server.call("GET", path).header("x-auth-token", &domain).send().await.ok();
    assert_eq!(of_domain["links"], shown(None)["links"]);
    for form in Form::BOTH {
        // Of the owner's first project, unless it names one.
        assert_eq!(server.signed(form, KEY, "GET", path, b"").send().await.ok(), shown(Some(PROJECT)));
        let named = server.signed(form, KEY, "GET", path, b"").header("x-project-id", OTHER_PROJECT);
        assert_eq!(named.send().await.ok(), shown(Some(OTHER_PROJECT)));
    }
    assert_keystone(&server.get(path).await, 401, "Unauthorized");
}

#[tokio::test]
async fn a_user_without_rights_in_a_project_cannot_log_in_to_it() {
    let server = TestServer::seeded(&users(), &[]).await;
    for (user, wanted, good) in [
        ("alice", project(PROJECT), true),
        ("alice", project(OTHER_PROJECT), false),
        ("alice", json!({"project": {"name": "eu-de_other"}}), false),
        ("alice", project(UNKNOWN_PROJECT), false),
        ("bob", json!(null), true),
        ("bob", project(PROJECT), false),
        ("bob", json!({"project": {"name": "eu-de"}}), false),
        ("reader", project(PROJECT), true),
        ("denied", project(OTHER_PROJECT), true),
    ] {
        let body = scoped(login(user, "acme", &format!("password-of-{user}")), wanted.clone());
        let answer = server.log_in(&body).await;
        if good {
            token_in(&answer);
        } else {
            assert_keystone(&answer, 401, "Unauthorized");
        }
    }
    // The first project of a user is the first in which it has a role.
    let bob = server.log_in(&login("bob", "acme", "password-of-bob")).await.json();
    assert_eq!(bob["token"]["project"]["id"], OTHER_PROJECT);
    let roles = each(&bob["token"]["roles"], "name");
    assert_eq!(roles, [json!("dcs_admin")]);
}

#[tokio::test]
async fn an_unnamed_project_can_be_logged_in_to_unless_the_mode_is_strict() {
    for (mode, good) in [("lenient", true), ("off", true), ("strict", false)] {
        let server = TestServer::with(&[("auth", mode)]).await;
        let answer = server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), project(UNKNOWN_PROJECT))).await;
        assert_eq!(answer.status, if good { 201 } else { 401 }, "{mode}");
    }
}
