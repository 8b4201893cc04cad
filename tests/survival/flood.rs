//! Clients that send more than anybody wants, and clients that do not read what they asked for.

use std::io::Write;
use std::time::Duration;

use crate::process_support::wire::{DEMO_INSTANCE, backups_path};
use crate::server::{Demo, Raw, head};

const GIGABYTE: usize = 1 << 30;
/// More than arrives before a connection that nobody reads from is closed.
const ENDLESS: usize = 128 * GIGABYTE;
const BLOCK: usize = 1 << 16;
/// How long a server takes nothing that has stopped to.
const WITHOUT_TAKING: Duration = Duration::from_millis(500);
/// So many times a hundred requests are more than any buffer holds.
const MOST_REQUESTS: usize = 10_000;

#[test]
fn a_body_of_a_gigabyte_is_refused_and_not_kept() {
    let demo = Demo::start(&[]);
    let announced = format!("Content-Length: {GIGABYTE}");
    let whole = vec![b' '; BLOCK];
    let chunk = [b"10000\r\n", &whole[..], b"\r\n"].concat();
    for (path, header, block) in [
        (&*backups_path(DEMO_INSTANCE), &*announced, &whole),
        (&backups_path(DEMO_INSTANCE), "Transfer-Encoding: chunked", &chunk),
        ("/livez", &announced, &whole),
        ("/nowhere", "Transfer-Encoding: chunked", &chunk),
        ("/v3/auth/tokens", "Transfer-Encoding: chunked", &chunk),
    ] {
        let method = if path == "/livez" { "GET" } else { "POST" };
        let mut client = Raw::open(&demo.server);
        client.send(&head(method, path, &[header]));
        // What was announced may be taken for the moment in which the client can still read its answer; what has no end must
        // not be taken without end.
        let is_endless = header.starts_with("Transfer-Encoding");
        let most = if is_endless { ENDLESS } else { GIGABYTE };
        let was_cut_off = (0..most / BLOCK).any(|_| !client.send(block));
        assert!(was_cut_off || !is_endless, "{path} {header}: all of it was taken");
        client.say_no_more();
        demo.is_well();
        // The answer may be lost: who still sends when the connection is closed is told so before he can read it.
        let answered = client.read_to_end();
        let statuses = answered.statuses();
        assert!(statuses == [413] || statuses.is_empty(), "{path} {header}: {answered:?}");
    }
    demo.stop();
}

#[test]
fn a_client_that_does_not_read_is_not_served_without_end() {
    let demo = Demo::start(&[]);
    let mut connection = demo.server.connect();
    for number in 0..200 {
        assert_eq!(connection.create(DEMO_INSTANCE, &format!("{number}")).unwrap().status, 200);
    }
    let list = head("GET", &format!("{}?limit=1000", backups_path(DEMO_INSTANCE)), &[]);
    let requests = list.repeat(100);
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Raw::open(&demo.server);
        client.stream.set_write_timeout(Some(WITHOUT_TAKING)).unwrap();
        // Sooner or later it takes no more requests, because nobody takes their answers.
        let taken = (0..MOST_REQUESTS).find(|_| client.stream.write_all(&requests).is_err());
        assert!(taken.is_some(), "it takes requests without end");
        demo.is_well();
        clients.push(client);
    }
    drop(clients);
    demo.is_well();
    demo.stop();
}
