//! Clients that are slow on purpose, or stop in the middle.

use std::time::Instant;

use crate::process_support::eventually;
use crate::server::{Demo, Raw, create_head};

/// A body may take this long here.
const BODY_TIMEOUT: &[&str] = &["--http-body-timeout", "500ms"];

fn assert_too_slow(client: &mut Raw) {
    let answered = client.read_to_end();
    assert_eq!(answered.statuses(), [408], "{answered:?}");
    assert!(answered.text().contains("DCS.4005"), "{answered:?}");
}

#[test]
fn a_body_that_stops_in_the_middle_is_not_waited_for() {
    let demo = Demo::start(BODY_TIMEOUT);
    for headers in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        eprintln!("{headers}");
        let mut client = Raw::open(&demo.server);
        client.send(&create_head(&[headers]));
        client.send(b"10\r\n{\"remark\"");
        demo.is_well();
        assert_too_slow(&mut client);
    }
    demo.is_well();
    demo.stop();
}

#[test]
fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
    let demo = Demo::start(BODY_TIMEOUT);
    for (headers, bytes) in
        [("Content-Length: 1000000", &b"a"[..]), ("Transfer-Encoding: chunked", b"1\r\na\r\n")]
    {
        let mut client = Raw::open(&demo.server);
        client.send(&create_head(&[headers]));
        // Each byte comes in time, and still the body does not.
        eventually("the connection is closed", || (!client.send(bytes)).then_some(()));
        demo.is_well();
    }
    demo.stop();
}

#[test]
fn a_body_that_takes_its_time_is_taken_within_the_patience() {
    let demo = Demo::start(&[]);
    let mut client = Raw::open(&demo.server);
    let body = br#"{"remark": "slow but sure"}"#;
    client.send(&create_head(&[&format!("Content-Length: {}", body.len())]));
    for byte in body {
        client.send(&[*byte]);
        demo.is_well();
    }
    client.say_no_more();
    assert_eq!(client.read_to_end().statuses(), [200]);
    demo.stop();
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let demo = Demo::start(&[]);
    let mut clients: Vec<Raw> = ["", "GET /livez HTTP/1.1\r\nHo"]
        .map(|part| {
            let mut client = Raw::open(&demo.server);
            client.send(part.as_bytes());
            client
        })
        .into();
    let mut slow = Raw::open(&demo.server);
    slow.send(b"GET /livez HTTP/1.1\r\nX: ");
    let started = Instant::now();
    eventually("the connection is closed", || (!slow.send(b"a")).then_some(()));
    for client in &mut clients {
        assert_eq!(client.read_to_end().statuses(), [408]);
    }
    eprintln!("a head was waited for {:?}", started.elapsed());
    demo.is_well();
    demo.stop();
}

#[test]
fn clients_that_are_gone_before_the_answer_do_no_harm() {
    let demo = Demo::start(&[]);
    let body = br#"{"remark": "gone"}"#;
    let whole = [&create_head(&[&format!("Content-Length: {}", body.len())])[..], body].concat();
    for length in (0..=whole.len()).cycle().step_by(7).take(400) {
        Raw::open(&demo.server).send(&whole[..length]);
    }
    demo.is_well();
    demo.stop();
}
