//! HTTPS: handshakes that are begun and not finished, and HTTP/2 that sends more than anybody reads.

use std::io::Cursor;

use http_types::Request;

use crate::process_support::database::block_on;
use crate::process_support::eventually;
use crate::process_support::tls::{Http2, Trusting};
use crate::process_support::wire::{DEMO_INSTANCE, backups_path};
use crate::server::{Demo, Raw, memory_kib};

const HTTPS: &[&str] = &["--tls-mode", "self-signed", "--tls-listen", "127.0.0.1:0"];
/// So many handshakes are begun at a time.
const HANDSHAKES: usize = 2000;
/// The head of a record, and of a greeting in it that is as long as one may be.
const BEGINNING: &[u8] = b"\x16\x03\x01\x40\x00\x01\x00\xff\xf0\x03\x03";
/// More of a greeting than is taken of anybody.
const LONG: usize = 64 * 1024;

/// So many connections of HTTP/2, each with so many requests, send the beginning of a body.
const CONNECTIONS: usize = 200;
const REQUESTS: usize = 32;
const MAX_BODY: usize = 1 << 20;

#[test]
fn handshakes_that_are_slow_or_broken_hold_nothing() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let demo = Demo::start(HTTPS);
    let trusting = Trusting::authority_of(&demo.server);
    let address = demo.server.tls_address();
    let is_served = || {
        let answer = trusting.get(&address, "dcs.eu-de.otc.t-systems.com", "/readyz").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let clients: Vec<Raw> = (0..HANDSHAKES)
        .map(|number| {
            let mut client = Raw::open_at(&address);
            match number % 4 {
                // Says nothing.
                0 => {}
                1 => drop(client.send(BEGINNING)),
                2 => drop(client.send(&[BEGINNING, &vec![0; LONG]].concat())),
                _ => drop(client.send(b"\x80\x00no handshake")),
            }
            if number % 100 == 0 {
                is_served();
            }
            client
        })
        .collect();
    is_served();
    demo.is_well();
    eprintln!("{HANDSHAKES} handshakes: {} KiB", memory_kib(&demo.server, "VmHWM"));
    // Nobody is waited for.
    for mut client in clients {
        client.read_to_end();
    }
    is_served();
    demo.is_well();
    demo.stop();
}

/// Begins requests whose bodies are longer than what is taken of them at once.
async fn begin(connection: &Http2) -> Vec<(h2::client::ResponseFuture, h2::SendStream<Cursor<Vec<u8>>>)> {
    let mut begun = Vec::new();
    for _ in 0..REQUESTS {
        let uri = format!("https://dcs.eu-de.otc.t-systems.com{}", backups_path(DEMO_INSTANCE));
        let request = Request::post(uri).header("content-type", "application/json");
        let request = request.header("content-length", MAX_BODY).body(()).unwrap();
        let mut connection = connection.clone().ready().await.unwrap();
        let (answer, mut stream) = connection.send_request(request, false).unwrap();
        stream.send_data(Cursor::new(vec![b' '; MAX_BODY / 2]), false).unwrap();
        begun.push((answer, stream));
    }
    begun
}

#[test]
fn bodies_of_http2_that_drip_take_bounded_memory() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let demo = Demo::start(&[HTTPS, &["--http-body-timeout", "5s"]].concat());
    let (trusting, address) = (Trusting::authority_of(&demo.server), demo.server.tls_address());
    block_on(async {
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS {
            let connection = trusting.http2(&address, "localhost").await;
            held.push((begin(&connection).await, connection));
        }
        // None has been sent whole: each is answered that it is late.
        for (begun, _connection) in held {
            for (answer, _stream) in begun {
                assert_eq!(answer.await.unwrap().status(), 408);
            }
        }
    });
    eprintln!("{CONNECTIONS} connections: {} KiB", memory_kib(&demo.server, "VmHWM"));
    demo.is_well();
    eventually("a long body is taken again", || {
        let created = demo.server.connect().create(DEMO_INSTANCE, &" ".repeat(MAX_BODY / 2)).unwrap();
        (created.status == 400).then_some(())
    });
    demo.stop();
}
