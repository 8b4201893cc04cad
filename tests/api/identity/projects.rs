//! Projects, domains and users, as far as clients ask the identity service for them.

use serde_json::{Value, json};

use crate::support::identity::{ALICE, BOB, DENIED, DOMAIN, DOMAIN_ID, KEY, Key, USER, USER_ID, users};
use crate::support::seed::{OTHER_PROJECT, PROJECT, UNKNOWN_PROJECT};
use crate::support::signer::Form;
use crate::support::{Covered, TestServer, covered, each};

use crate::identity::logins::assert_keystone;

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v3/projects", projects_are_listed_whole),
    covered("GET", "/v3/auth/projects", projects_are_listed_whole),
    covered("GET", "/v3/projects/{project_id}", a_project_is_shown_to_those_who_have_a_role_in_it),
    covered("GET", "/v3/auth/domains", the_domain_is_listed_whole),
    covered("GET", "/v3/domains", the_domain_is_listed_whole),
    covered("GET", "/v3/users", a_user_sees_itself),
];

async fn ask(server: &TestServer, key: Key, path: &str) -> Value {
    server.signed(Form::Access, key, "GET", path, b"").send().await.ok()
}

/// Returns the names of the projects in a list.
async fn names(server: &TestServer, key: Key, path: &str) -> Vec<Value> {
    each(&ask(server, key, path).await["projects"], "name")
}

fn shown(url: &str, id: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "domain_id": DOMAIN_ID, "parent_id": DOMAIN_ID, "is_domain": false, "enabled": true,
        "description": "", "links": {"self": format!("{url}/v3/projects/{id}")},
    })
}

#[tokio::test]
async fn projects_are_listed_whole() {
    let server = TestServer::start().await;
    let url = format!("http://{}", server.address());
    for path in ["/v3/projects", "/v3/auth/projects"] {
        let expected = json!({
            "projects": [shown(&url, PROJECT, "eu-de"), shown(&url, OTHER_PROJECT, "other")],
            "links": {"self": format!("{url}{path}"), "next": null, "previous": null},
        });
        assert_eq!(ask(&server, KEY, path).await, expected);
        let token = server.built_in_token().await;
        assert_eq!(server.call("GET", path).header("x-auth-token", &token).send().await.ok(), expected);
    }
}

#[tokio::test]
async fn projects_are_paged_by_page_and_size_together() {
    let server = TestServer::seeded(&users(), &[]).await;
    let (first, second) = (json!("eu-de"), json!("eu-de_other"));
    for (query, expected) in [
        ("page=1&per_page=1", vec![first.clone()]),
        ("page=2&per_page=1", vec![second.clone()]),
        ("page=3&per_page=1", vec![]),
        ("page=1&per_page=5000", vec![first, second]),
    ] {
        assert_eq!(names(&server, DENIED, &format!("/v3/projects?{query}")).await, expected, "{query}");
    }
    for query in [
        "page=1",
        "per_page=1",
        "page=0&per_page=1",
        "page=1&per_page=0",
        "page=1&per_page=5001",
        "page=x&per_page=1",
    ] {
        let path = format!("/v3/projects?{query}");
        let answer = server.signed(Form::Access, DENIED, "GET", &path, b"").send().await;
        assert_keystone(&answer, 400, "Bad Request");
    }
}

#[tokio::test]
async fn projects_are_found_by_their_whole_name_and_by_what_they_belong_to() {
    let server = TestServer::seeded(&users(), &[]).await;
    let domain = "0123456789abcdef0123456789abcdef";
    let (first, second) = (json!("eu-de"), json!("eu-de_other"));
    let both = vec![first.clone(), second.clone()];
    for path in ["/v3/projects", "/v3/auth/projects"] {
        for (query, expected) in [
            (String::new(), both.clone()),
            ("name=eu-de".to_owned(), vec![first.clone()]),
            ("name=eu-de_other".to_owned(), vec![second.clone()]),
            ("name=eu".to_owned(), vec![]),
            ("name=EU-DE".to_owned(), vec![]),
            ("name=eu-de%25".to_owned(), vec![]),
            ("name=".to_owned(), both.clone()),
            (format!("domain_id={domain}"), both.clone()),
            (format!("domain_id={UNKNOWN_PROJECT}"), vec![]),
            (format!("parent_id={domain}&name=eu-de"), vec![first.clone()]),
            (format!("parent_id={UNKNOWN_PROJECT}"), vec![]),
            ("enabled=true".to_owned(), both.clone()),
            ("enabled=False".to_owned(), vec![]),
        ] {
            assert_eq!(names(&server, DENIED, &format!("{path}?{query}")).await, expected, "{query}");
        }
        // Those in which the caller has a role, and no others.
        assert_eq!(names(&server, ALICE, path).await, std::slice::from_ref(&first));
        assert_eq!(names(&server, BOB, path).await, std::slice::from_ref(&second));
        assert_eq!(names(&server, BOB, &format!("{path}?name=eu-de")).await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn a_project_is_shown_to_those_who_have_a_role_in_it() {
    let server = TestServer::start().await;
    let url = format!("http://{}", server.address());
    let alone = ask(&server, KEY, &format!("/v3/projects/{PROJECT}")).await;
    assert_eq!(alone, json!({"project": shown(&url, PROJECT, "eu-de")}));
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let mut answers = Vec::new();
    for id in [OTHER_PROJECT, UNKNOWN_PROJECT, "x"] {
        let answer =
            server.signed(Form::Access, ALICE, "GET", &format!("/v3/projects/{id}"), b"").send().await;
        assert_keystone(&answer, 404, "Not Found");
        answers.push(answer.text().to_owned());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    ask(&server, ALICE, &format!("/v3/projects/{}", PROJECT.to_uppercase())).await;
}

#[tokio::test]
async fn the_domain_is_listed_whole() {
    let server = TestServer::start().await;
    let url = format!("http://{}", server.address());
    let domain = json!({
        "id": DOMAIN_ID, "name": DOMAIN, "enabled": true, "description": "",
        "links": {"self": format!("{url}/v3/domains/{DOMAIN_ID}")},
    });
    for (path, query, domains) in [
        ("/v3/auth/domains", "", json!([domain])),
        ("/v3/auth/domains", "?name=emulator-domain", json!([domain])),
        ("/v3/auth/domains", "?name=emulator", json!([])),
        ("/v3/auth/domains", "?name=", json!([domain])),
        ("/v3/domains", "", json!([domain])),
        ("/v3/domains", "?name=emulator", json!([])),
    ] {
        let links = json!({"self": format!("{url}{path}"), "next": null, "previous": null});
        let listed = ask(&server, KEY, &format!("{path}{query}")).await;
        assert_eq!(listed, json!({"domains": domains, "links": links}), "{query}");
    }
}

#[tokio::test]
async fn a_user_sees_itself() {
    let server = TestServer::start().await;
    let url = format!("http://{}", server.address());
    let links = json!({"self": format!("{url}/v3/users"), "next": null, "previous": null});
    let own = json!({
        "id": USER_ID, "name": USER, "domain_id": DOMAIN_ID, "enabled": true,
        "links": {"self": format!("{url}/v3/users/{USER_ID}")},
    });
    for (query, found) in [("", json!([own])), ("?name=emulator", json!([own])), ("?name=emul", json!([]))] {
        let listed = ask(&server, KEY, &format!("/v3/users{query}")).await;
        assert_eq!(listed, json!({"users": found, "links": links}), "{query}");
    }
    let server = TestServer::seeded(&users(), &[]).await;
    // Nobody learns who else there is.
    assert_eq!(ask(&server, ALICE, "/v3/users?name=bob").await["users"], json!([]));
    assert_eq!(each(&ask(&server, ALICE, "/v3/users").await["users"], "name"), [json!("alice")]);
}

#[tokio::test]
async fn what_is_about_a_caller_needs_one_in_every_mode() {
    for mode in ["off", "lenient", "strict"] {
        let server = TestServer::with(&[("auth", mode)]).await;
        for path in [
            "/v3/auth/tokens",
            "/v3/auth/catalog",
            "/v3/projects",
            "/v3/auth/projects",
            &format!("/v3/projects/{PROJECT}"),
            "/v3/auth/domains",
            "/v3/users",
        ] {
            assert_keystone(&server.get(path).await, 401, "Unauthorized");
            let unknown = server.call("GET", path).header("x-auth-token", "unknown").send().await;
            assert_keystone(&unknown, 401, "Unauthorized");
            let wrong = server.signed(Form::Access, Key(KEY.0, "wrong"), "GET", path, b"").send().await;
            assert_keystone(&wrong, 401, "Unauthorized");
            let nobodys = server.signed(Form::Access, Key("NOBODY", "x"), "GET", path, b"").send().await;
            assert_keystone(&nobodys, 401, "Unauthorized");
        }
    }
}
