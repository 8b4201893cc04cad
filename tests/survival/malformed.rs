//! Requests that are none: each is answered clearly or its connection closed, and nobody else notices.

use crate::server::{Demo, Raw, create_head, head};

/// A megabyte.
const MEGABYTE: usize = 1 << 20;

/// What is sent, whether something more could come, and the statuses of the answers before the connection is closed: one
/// of these lists.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    is_all: bool,
    answers: &'static [&'static [u16]],
}

fn case(name: &'static str, bytes: impl AsRef<[u8]>, answers: &'static [&'static [u16]]) -> Case {
    Case { name, bytes: bytes.as_ref().to_vec(), is_all: false, answers }
}

/// A request that leaves the connection open unless the client closes it.
fn whole(name: &'static str, bytes: impl AsRef<[u8]>, answers: &'static [&'static [u16]]) -> Case {
    Case { is_all: true, ..case(name, bytes, answers) }
}

fn with_headers(count: usize) -> Vec<u8> {
    let headers: Vec<String> = (0..count).map(|number| format!("X-{number}: a")).collect();
    head("GET", "/livez", &headers.iter().map(String::as_str).collect::<Vec<_>>())
}

fn with_body(body: &[u8]) -> Vec<u8> {
    [&create_head(&[&format!("Content-Length: {}", body.len())]), body].concat()
}

/// A body in pieces of one byte.
fn in_tiny_chunks(body: &[u8]) -> Vec<u8> {
    let mut bytes = create_head(&["Transfer-Encoding: chunked"]);
    for byte in body {
        bytes.extend_from_slice(&[b'1', b'\r', b'\n', *byte, b'\r', b'\n']);
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn heads() -> Vec<Case> {
    vec![
        whole("nothing", b"", &[&[]]),
        whole("half a request line", b"POST /v1.0/885c", &[&[], &[400]]),
        whole("half a head", b"GET /livez HTTP/1.1\r\nHost: em", &[&[], &[400]]),
        case("the hello of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20), &[&[400]]),
        case("zeros", [0; 1000], &[&[400]]),
        case("a zero in a header", head("GET", "/livez", &["X: a\0b"]), &[&[400]]),
        case("a zero in the path", head("GET", "/live\0z", &[]), &[&[400]]),
        case("no UTF-8 in the path", b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", &[&[400]]),
        whole("no UTF-8 in the path, encoded", head("GET", "/v1.0/%ff%fe/instances", &[]), &[&[400], &[404]]),
        whole("a zero in the path, encoded", head("GET", "/v1.0/%00/instances", &[]), &[&[400], &[404]]),
        case(
            "a header of a megabyte",
            head("GET", "/livez", &[&format!("X: {}", "a".repeat(MEGABYTE))]),
            &[&[431]],
        ),
        case(
            "a path of a megabyte",
            head("GET", &format!("/{}", "a".repeat(MEGABYTE)), &[]),
            &[&[431], &[414]],
        ),
        case("a hundred thousand headers", with_headers(100_000), &[&[431]]),
        case("more headers than anybody needs", with_headers(1000), &[&[431]]),
        case("another protocol", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", &[&[400]]),
        case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[&[400], &[]]),
        case(
            "garbage behind a request",
            [head("GET", "/livez", &[]), b"\xff garbage\r\n\r\n".to_vec()].concat(),
            &[&[200, 400]],
        ),
    ]
}

fn bodies() -> Vec<Case> {
    let padded = |length| format!("{{\"remark\": \"tiny\"}}{}", " ".repeat(length)).into_bytes();
    vec![
        whole("no UTF-8 in the body", with_body(b"{\"remark\": \"\xff\"}"), &[&[400]]),
        whole("a zero in the body", with_body(b"{\"remark\": \"\0\"}"), &[&[400]]),
        whole("deep arrays", with_body(&[b"{\"a\":".to_vec(), vec![b'['; MEGABYTE - 5]].concat()), &[&[400]]),
        whole("deep objects", with_body("{\"a\":".repeat(MEGABYTE / 5).as_bytes()), &[&[400]]),
        case("a length below nothing", create_head(&["Content-Length: -1"]), &[&[400]]),
        case(
            "a length beyond counting",
            create_head(&["Content-Length: 99999999999999999999999"]),
            &[&[400]],
        ),
        case(
            "two lengths",
            [create_head(&["Content-Length: 1", "Content-Length: 2"]), b"{}".to_vec()].concat(),
            &[&[400]],
        ),
        case(
            "a length and chunks",
            create_head(&["Content-Length: 5", "Transfer-Encoding: chunked"]),
            &[&[400]],
        ),
        whole(
            "no chunk",
            [create_head(&["Transfer-Encoding: chunked"]), b"zz\r\n".to_vec()].concat(),
            &[&[400]],
        ),
        whole(
            "a chunk beyond counting",
            [create_head(&["Transfer-Encoding: chunked"]), b"fffffffffffffffff\r\na".to_vec()].concat(),
            &[&[400]],
        ),
        whole("many tiny chunks", in_tiny_chunks(&padded(100_000)), &[&[200]]),
        whole("too many tiny chunks", in_tiny_chunks(&padded(MEGABYTE)), &[&[413]]),
        whole("a megabyte too long", with_body(&padded(MEGABYTE)), &[&[413]]),
        whole("half a body", &with_body(b"{\"remark\": \"a\"}")[..150], &[&[], &[400]]),
    ]
}

#[test]
fn what_is_no_request_is_answered_clearly_or_closed() {
    let demo = Demo::start(&[]);
    for Case { name, bytes, is_all, answers } in heads().into_iter().chain(bodies()) {
        let mut client = Raw::open(&demo.server);
        client.send(&bytes);
        if is_all {
            client.say_no_more();
        }
        let answered = client.read_to_end();
        let statuses = answered.statuses();
        assert!(answers.contains(&&*statuses), "{name}: {answered:?}");
        if statuses == [413] || (statuses == [400] && bytes.starts_with(b"POST") && is_all) {
            assert!(answered.text().contains("DCS.4005"), "{name}: {answered:?}");
        }
        demo.is_well();
    }
    demo.stop();
}
