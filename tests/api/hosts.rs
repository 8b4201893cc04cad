//! Services by the hosts that the clouds have for them (contract of the networks, sections 1.1 and 1.3).

use serde_json::{Value, json};

use crate::identity::logins::{assert_keystone, catalog_at};
use crate::support::identity::{DOMAIN, PASSWORD, USER, login, project, scoped, token_in};
use crate::support::refusal::UNKNOWN_ROUTE;
use crate::support::seed::{HA, PROJECT, backups_path};
use crate::support::{Answer, Api, TestServer};

async fn ask(server: &TestServer, host: &str, method: &str, path: &str) -> Answer {
    server.call(method, path).header("host", host).send().await
}

async fn logged_in(server: &TestServer, host: &str) -> (String, Value) {
    let body = scoped(login(USER, DOMAIN, PASSWORD), project(PROJECT));
    let answer = server.call("POST", "/v3/auth/tokens").header("host", host).json(&body).send().await;
    (token_in(&answer), answer.json()["token"]["catalog"].take())
}

#[tokio::test]
async fn a_host_of_a_service_has_the_paths_of_that_service_only() {
    let server = TestServer::start().await;
    let instances = format!("/v2/{PROJECT}/instances");
    for (path, hosts) in [
        (instances.as_str(), &["dcs.eu-de.otc.t-systems.com", "DCS.cn-north-4.myhuaweicloud.com:8637"][..]),
        ("/v2/products/service-types?limit=1", &["bss.myhuaweicloud.com", "bss-intl.myhuaweicloud.com"]),
        (
            "/v3",
            &[
                "iam.eu-de.otc.t-systems.com",
                "iam.myhuaweicloud.com",
                "iam-pub.eu-ch2.sc.otc.t-systems.com:443",
            ],
        ),
    ] {
        for host in hosts {
            assert_eq!(ask(&server, host, "GET", path).await.status, 200, "{host}{path}");
        }
        let others = ["dcs.eu-de.example.test", "bss.example.test", "iam.example.test"];
        let own = |host: &str| hosts[0].split('.').next() == host.split('.').next();
        for host in others.into_iter().filter(|host| !own(host)) {
            for method in ["GET", "PATCH"] {
                let answer = ask(&server, host, method, path).await;
                if path == "/v3" {
                    assert_keystone(&answer, 404, "Not Found");
                } else {
                    answer.assert_refused_by(Api::V2, &UNKNOWN_ROUTE);
                }
            }
        }
        // What is no host of a service has everything, a container called dcs among it.
        for host in
            ["emulator.example.test", "dcs", "dcs:8637", "127.0.0.1:8637", "[::1]", "a.dcs.example.test"]
        {
            assert_eq!(ask(&server, host, "GET", path).await.status, 200, "{host}{path}");
        }
    }
    let resize = format!("/v2/{PROJECT}/orders/instances/{HA}/resize");
    ask(&server, "bss.example.test", "POST", &resize).await.assert_refused_by(Api::V2, &UNKNOWN_ROUTE);
    // A method that the service has not is refused as everywhere.
    assert_eq!(ask(&server, "dcs.example.test", "PATCH", &backups_path(HA)).await.status, 405);
}

#[tokio::test]
async fn probes_and_the_control_api_are_of_no_service() {
    let server = TestServer::with(&[("control.allowed_hosts", "*.example.test")]).await;
    for host in ["dcs.example.test", "iam.example.test", "bss.eu-de.example.test"] {
        for path in ["/readyz", "/metrics", "/_emulator/info", "/_emulator/docs"] {
            assert_eq!(ask(&server, host, "GET", path).await.status, 200, "{host}{path}");
        }
    }
    // Which hosts the control API is served by is another question.
    assert_eq!(ask(&server, "dcs.example.org", "GET", "/_emulator/info").await.status, 403);
}

#[tokio::test]
async fn who_comes_by_the_host_of_a_service_finds_the_others_at_theirs() {
    let server = TestServer::start().await;
    for (host, domain) in [
        ("iam.eu-de.example.test:8637", "eu-de.example.test:8637"),
        ("iam-pub.eu-ch2.sc.otc.t-systems.com", "eu-ch2.sc.otc.t-systems.com"),
    ] {
        let urls = ["iam", "dcs", "bss", "vpc", "ecs", "elb"].map(|label| format!("http://{label}.{domain}"));
        let expected = catalog_at(urls.each_ref().map(String::as_str), Some(PROJECT));
        let (token, catalog) = logged_in(&server, host).await;
        assert_eq!(catalog, expected, "{host}");
        let call = server.call("GET", "/v3/auth/catalog").header("host", host);
        assert_eq!(call.header("x-auth-token", &token).send().await.ok()["catalog"], expected, "{host}");
        let call = server.call("GET", "/v3/endpoints/e2").header("host", host);
        let endpoint = call.header("x-auth-token", &token).send().await.ok();
        assert_eq!(endpoint["endpoint"]["url"], format!("{}/v1.0/{PROJECT}", urls[1]));
    }
    // Others get everything at the host that they have used.
    for host in ["iam", "emulator.example.test:8637", "[::1]:8637"] {
        let (_, catalog) = logged_in(&server, host).await;
        assert_eq!(catalog, catalog_at([&format!("http://{host}"); 6], Some(PROJECT)), "{host}");
    }
}

#[tokio::test]
async fn a_target_with_a_host_goes_before_the_header() {
    let server = TestServer::start().await;
    for (target, host, status) in [
        ("http://iam.example.test/v3", "dcs.example.test", 200),
        ("http://dcs.example.test/v3", "iam.example.test", 404),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{target}");
    }
}

#[tokio::test]
async fn a_public_url_is_that_of_all_services() {
    let server = TestServer::with(&[("public_url", "https://dcs.example.test")]).await;
    for host in ["dcs.example.test", "iam.example.test"] {
        let (_, catalog) = logged_in(&server, host).await;
        assert_eq!(catalog, catalog_at(["https://dcs.example.test"; 6], Some(PROJECT)), "{host}");
    }
    let version = ask(&server, "bss.example.test", "GET", "/v3").await.ok();
    assert_eq!(version["version"]["links"], json!([{"rel": "self", "href": "https://dcs.example.test/v3/"}]));
}
