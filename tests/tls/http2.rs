//! HTTP/2, which clients choose in the handshake.

use std::collections::BTreeSet;
use std::io::Cursor;

use http_types::{Request, Response};
use tempfile::TempDir;

use crate::process_support::database::block_on;
use crate::process_support::tls::{Http2, Trusting};
use crate::process_support::wire::{DEMO_INSTANCE, backups_path};
use crate::process_support::{Server, serve};

const HTTPS: &[&str] = &["--demo", "--tls-mode", "self-signed", "--tls-listen", "127.0.0.1:0"];
const HOST: &str = "dcs.eu-de.otc.t-systems.com";
/// More than are served of one connection at a time.
const AT_ONCE: usize = 100;

fn start(folder: &TempDir) -> Server {
    Server::start(serve(&folder.path().join("a.db"), HTTPS))
}

async fn connect(server: &Server) -> Http2 {
    Trusting::authority_of(server).http2(&server.tls_address(), HOST).await
}

/// Sends a request with a body, as the server has room for it, and returns status and body of the answer.
async fn ask(
    connection: &Http2,
    method: &str,
    path: &str,
    body: Vec<u8>,
) -> Result<(u16, String), h2::Error> {
    ask_host(connection, HOST, method, path, body).await
}

async fn ask_host(
    connection: &Http2,
    host: &str,
    method: &str,
    path: &str,
    body: Vec<u8>,
) -> Result<(u16, String), h2::Error> {
    let request = Request::builder().method(method).uri(format!("https://{host}{path}"));
    let request = request.header("content-type", "application/json").body(()).unwrap();
    let mut connection = connection.clone().ready().await?;
    let (answer, mut stream) = connection.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(Cursor::new(body), true)?;
    }
    let answer: Response<h2::RecvStream> = answer.await?;
    let (head, mut body) = answer.into_parts();
    let mut text = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        text.extend_from_slice(&piece);
    }
    Ok((head.status.as_u16(), String::from_utf8(text).unwrap()))
}

#[test]
fn many_requests_at_once_are_served_on_one_connection() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let ids: BTreeSet<String> = block_on(async {
        let connection = connect(&server).await;
        let requests = (0..AT_ONCE).map(|number| {
            let connection = connection.clone();
            async move {
                let body = format!("{{\"remark\": \"{number}\"}}").into_bytes();
                ask(&connection, "POST", &backups_path(DEMO_INSTANCE), body).await.unwrap()
            }
        });
        let created = futures_util::future::join_all(requests).await;
        let (status, listed) =
            ask(&connection, "GET", &format!("{}?limit=1000", backups_path(DEMO_INSTANCE)), Vec::new())
                .await
                .unwrap();
        assert!(status == 200 && listed.len() > 16 * 1024, "{status} {listed}");
        created
            .into_iter()
            .map(|(status, body)| {
                assert_eq!(status, 200, "{body}");
                body
            })
            .collect()
    });
    assert_eq!(ids.len(), AT_ONCE);
    assert_eq!(server.connect().list(DEMO_INSTANCE).len(), AT_ONCE);
    server.stop();
}

#[test]
fn a_request_is_what_it_is_by_http1() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    block_on(async {
        let connection = connect(&server).await;
        // One connection serves all services, each by its name.
        let iam = HOST.replace("dcs", "iam");
        let (status, body) = ask_host(&connection, &iam, "GET", "/v3", Vec::new()).await.unwrap();
        assert!(status == 200 && body.contains(&format!("\"https://{iam}/v3")), "{status} {body}");
        assert_eq!(ask(&connection, "GET", "/v3", Vec::new()).await.unwrap().0, 404);
        for (length, expected) in [(1 << 20, 400), ((1 << 20) + 1, 413)] {
            let (status, body) =
                ask(&connection, "POST", &backups_path(DEMO_INSTANCE), vec![b' '; length]).await.unwrap();
            assert_eq!(status, expected, "{length}: {body}");
        }
        // The control API is not served by a name that anybody may have pointed here.
        let (status, body) = ask(&connection, "GET", "/_emulator/info", Vec::new()).await.unwrap();
        assert!(status == 403 && body.contains("EMU.4031"), "{status} {body}");
    });
    server.stop();
}

#[test]
fn heads_are_bounded() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    block_on(async {
        let mut connection = connect(&server).await;
        let request = Request::get(format!("https://{HOST}/readyz")).header("x-long", "x".repeat(20_000));
        let (answer, _) = connection.send_request(request.body(()).unwrap(), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 431);
        assert_eq!(ask(&connection, "GET", "/readyz", Vec::new()).await.unwrap().0, 200);
    });
    server.stop();
}

#[test]
fn a_call_that_is_cut_has_no_answer_and_the_others_have() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let fault = r#"{"match": {"operation": "create_backup"}, "effect": {"cut": true}, "times": 1}"#;
    let put = server.connect().ask("POST", "/_emulator/faults", fault).unwrap();
    assert!(put.status < 300, "{put:?}");
    block_on(async {
        let connection = connect(&server).await;
        let path = backups_path(DEMO_INSTANCE);
        let create = || ask(&connection, "POST", &path, b"{}".to_vec());
        let cut = create().await.unwrap_err();
        assert_eq!(cut.reason(), Some(h2::Reason::INTERNAL_ERROR), "{cut}");
        assert_eq!(create().await.unwrap().0, 200);
    });
    server.stop();
}

#[test]
fn an_idle_connection_is_told_of_a_stop() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let (ended, told) = block_on(async {
        let connection = connect(&server).await;
        assert_eq!(ask(&connection, "GET", "/readyz", Vec::new()).await.unwrap().0, 200);
        server.signal("TERM");
        let ended = tokio::task::spawn_blocking(move || server.finish()).await.unwrap();
        (ended, ask(&connection, "GET", "/readyz", Vec::new()).await.unwrap_err())
    });
    assert_eq!(ended.code, Some(0));
    assert!(told.is_go_away() && told.reason() == Some(h2::Reason::NO_ERROR), "{told:?}");
}

#[test]
fn requests_that_are_taken_back_count_until_they_end() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let fault = r#"{"match": {"operation": "list_backups"}, "effect": {"latency": "1m"}}"#;
    let put = server.connect().ask("POST", "/_emulator/faults", fault).unwrap();
    assert!(put.status < 300, "{put:?}");
    block_on(async {
        let connection = connect(&server).await;
        let mut begun = 0;
        let refused = loop {
            let request = Request::get(format!("https://{HOST}{}", backups_path(DEMO_INSTANCE)));
            let mut ready = connection.clone().ready().await.unwrap();
            let (answer, mut stream) = ready.send_request(request.body(()).unwrap(), true).unwrap();
            // It has arrived when a later one is answered.
            let later = ask(&connection, "GET", "/readyz", Vec::new()).await;
            stream.send_reset(h2::Reason::CANCEL);
            drop(answer);
            match later {
                Ok(_) if begun < 100 => begun += 1,
                later => break later,
            }
        };
        assert_eq!((begun, refused.unwrap_err().reason()), (31, Some(h2::Reason::REFUSED_STREAM)));
    });
    drop(server);
}

#[test]
fn an_answer_is_sent_as_its_client_reads_it() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let address = server.tls_address();
    block_on(async {
        let connection = connect(&server).await;
        let document = ask_host(&connection, &address, "GET", "/_emulator/openapi.json", Vec::new()).await;
        let (_, document) = document.unwrap();
        // More than the client reads ahead, several times.
        assert!(document.len() > 200_000, "{}", document.len());
        serde_json::from_str::<serde_json::Value>(&document).unwrap();
    });
    server.stop();
}
