//! A proxy that leads port 443 of every host to one address: clients ask the providers' hosts, and an emulator answers.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Listens on a port of this machine, and leads what comes there to `target` until the tests end.
pub(crate) fn lead_to(target: &str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (address, target) = (listener.local_addr()?, target.to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let target = target.clone();
            // A client that goes away says so itself.
            thread::spawn(move || lead(client, &target));
        }
    });
    Ok(address)
}

fn lead(mut client: TcpStream, target: &str) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let is_for_https = line.starts_with("CONNECT ") && line.contains(":443 ");
    while head.read_line(&mut line)? > "\r\n".len() {}
    if !is_for_https {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    }
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || pass_on(from_server, to_client));
    // A client that waits for the answer of the proxy has sent nothing behind its question.
    pass_on(client, server)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}
