//! Where links lead: to the host that the client used, unless it is no host or the settings name another.

use serde_json::{Value, json};

use crate::support::identity::{DOMAIN, PASSWORD, USER, login};
use crate::support::seed::{HA, PROJECT};
use crate::support::{Api, TestServer, text};

async fn link(server: &TestServer, host: &str) -> String {
    let backup = server.create_backup(HA).await;
    let path = Api::V2.links(HA, &backup);
    let body = br#"{"expiration":300}"#;
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\n{host}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    let answer = server.raw(&[head.as_bytes(), body].concat()).await.ok();
    text(&answer["links"][0]["link"])
}

#[tokio::test]
async fn a_link_leads_to_the_host_that_the_request_named() {
    let server = TestServer::start().await;
    for host in ["dcs.example.com", "dcs.example.com:8080", "[::1]:80", "localhost", "a_b.test:1"] {
        let link = link(&server, &format!("Host: {host}\r\n")).await;
        assert!(link.starts_with(&format!("http://{host}/obs/")), "{link}");
    }
}

#[tokio::test]
async fn a_host_that_is_none_is_not_repeated() {
    let server = TestServer::start().await;
    let own = format!("http://{}/obs/", server.address());
    for host in [
        "evil.test/path",
        "evil.test?query",
        "evil.test#part",
        "user@evil.test",
        "evil.test\\x",
        "\"><script>alert(1)</script>",
        "evil.test%2fpath",
        "evil test",
        "évil.test",
        "",
    ] {
        let link = link(&server, &format!("Host: {host}\r\n")).await;
        assert!(link.starts_with(&own), "{host}: {link}");
    }
}

#[tokio::test]
async fn the_settings_may_say_where_the_server_is_reached() {
    for (url, written) in
        [("https://dcs.test:8443", "https://dcs.test:8443"), ("http://dcs.test/", "http://dcs.test")]
    {
        let server = TestServer::with(&[("public_url", url)]).await;
        let link = link(&server, "Host: other.example.com\r\n").await;
        assert!(link.starts_with(&format!("{written}/obs/")), "{link}");
        let document = server.get("/v2").await.ok();
        assert_eq!(document["version"]["links"][0]["href"], format!("{written}/v2"));
        // Where it leads is the same.
        let path = link.strip_prefix(written).unwrap();
        assert_eq!(server.get(path).await.status, 200);
        let login = server.log_in(&login(USER, DOMAIN, PASSWORD)).await;
        let urls: Vec<Value> = login.json()["token"]["catalog"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["endpoints"][0]["url"].clone())
            .collect();
        let project = format!("{written}/v1.0/{PROJECT}");
        let of_project = |path: &str| format!("{written}/{path}/{PROJECT}");
        let [identity, billing] = ["v3", "v2"].map(|version| format!("{written}/{version}"));
        let balancing = [format!("{written}/v1.0"), of_project("v3")];
        let around = [written.to_owned(), of_project("v1"), of_project("v2.1"), of_project("v1")];
        let expected =
            [identity, project.clone(), project, billing].into_iter().chain(around).chain(balancing);
        assert_eq!(json!(urls), json!(expected.collect::<Vec<_>>()));
    }
}
