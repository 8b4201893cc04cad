//! Clients that send more than anybody wants, and clients that do not read what they asked for.

use std::io::{ErrorKind, Write};
use std::thread;
use std::time::Duration;

use crate::process_support::wire::{DEMO_INSTANCE, backups_path};
use crate::server::{Demo, Raw, create_head, head};

const GIGABYTE: usize = 1 << 30;
/// More than arrives before a connection that nobody reads from is closed.
const ENDLESS: usize = 128 * GIGABYTE;
const BLOCK: usize = 1 << 16;
/// How long a server takes nothing that has stopped to.
const WITHOUT_TAKING: Duration = Duration::from_millis(500);
/// So many bodies of the longest length are more than may be held at once.
const LONG_BODIES: usize = 400;
/// By how much they may make the memory grow at most, in KiB: what they share, and what each connection has read ahead.
const LONG_BODIES_GROWTH_KIB: u64 = 256 * 1024;
/// So many times a hundred requests are more than any buffer holds.
const MAX_REQUESTS: usize = 10_000;

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
        let taken = (0..MAX_REQUESTS).find(|_| client.stream.write_all(&requests).is_err());
        assert!(taken.is_some(), "it takes requests without end");
        demo.is_well();
        clients.push(client);
    }
    drop(clients);
    demo.is_well();
    demo.stop();
}

#[test]
fn long_bodies_wait_for_each_other_and_all_are_taken() {
    let demo = Demo::start(&[]);
    let mut body = vec![b' '; 1 << 20];
    body[..2].copy_from_slice(b"{}");
    let head = create_head(&[&format!("Content-Length: {}", body.len()), "Connection: close"]);
    // None of them sends its last byte yet.
    let begun: Vec<(Raw, usize)> = thread::scope(|scope| {
        let clients = (0..LONG_BODIES).map(|_| {
            scope.spawn(|| {
                let mut client = Raw::open(&demo.server);
                client.send(&head);
                let sent = send_what_is_taken(&mut client, &body[..body.len() - 1]);
                (client, sent)
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    demo.is_well_within(LONG_BODIES_GROWTH_KIB);
    thread::scope(|scope| {
        for (mut client, sent) in begun {
            let rest = &body[sent..];
            scope.spawn(move || {
                client.stream.set_write_timeout(None).unwrap();
                client.send(rest);
                assert_eq!(client.read_to_end().statuses(), [200]);
            });
        }
    });
    demo.stop();
}

/// Sends until nothing more is taken; returns how much was.
fn send_what_is_taken(client: &mut Raw, bytes: &[u8]) -> usize {
    client.stream.set_write_timeout(Some(WITHOUT_TAKING)).unwrap();
    let mut sent = 0;
    while sent < bytes.len() {
        match client.stream.write(&bytes[sent..]) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("it closes: {error}"),
        }
    }
    sent
}
