//! A server that is treated badly, and a look whether it minds.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::process_support::wire::{DEMO_INSTANCE, backups_path};
use crate::process_support::{Server, serve};

/// By how much the memory of a server may grow at most while it is treated badly, in KiB: it starts with some 20 MiB, and a
/// connection takes some 10 KiB.
const MAX_GROWTH_KIB: u64 = 96 * 1024;
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_mins(1);

/// A server of its own, with the demo.
pub(crate) struct Demo {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
    at_first_kib: u64,
}

impl Demo {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = serve(&folder.path().join("a.db"), &["--demo"]);
        command.args(arguments);
        Self::of(Server::start(command), folder)
    }

    pub(crate) fn of(server: Server, folder: TempDir) -> Self {
        let at_first_kib = memory_kib(&server, "VmRSS") - memory_kib(&server, "RssFile");
        Self { server, folder, at_first_kib }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    /// Makes sure that others are served meanwhile, and that the memory has not grown beyond its bound. What is mapped of files does not
    /// count: of a program that is not optimised that alone is tens of MiB.
    pub(crate) fn is_well(&self) {
        self.is_well_within(MAX_GROWTH_KIB);
    }

    /// As [`Self::is_well`], with a bound of its own, in KiB.
    pub(crate) fn is_well_within(&self, most_growth_kib: u64) {
        let mut connection = self.server.connect();
        let created = connection.create(DEMO_INSTANCE, "all is well").unwrap();
        assert_eq!(created.status, 200, "{created:?}");
        let listed = connection.get(&format!("{}?limit=1", backups_path(DEMO_INSTANCE))).unwrap();
        assert_eq!(listed.status, 200, "{listed:?}");
        let most = memory_kib(&self.server, "VmHWM") - memory_kib(&self.server, "RssFile");
        assert!(most < self.at_first_kib + most_growth_kib, "{} KiB became {most}", self.at_first_kib);
    }

    /// Stops it, as it must still be able to.
    pub(crate) fn stop(self) {
        self.server.stop();
    }
}

/// Reads a measure of the memory of a server, in KiB.
pub(crate) fn memory_kib(server: &Server, measure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(measure)).unwrap();
    line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap()
}

/// A connection on which anything may be sent.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) fn open(server: &Server) -> Self {
        Self::open_at(server.address())
    }

    /// Opens a connection to any of its addresses.
    pub(crate) fn open_at(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.set_write_timeout(Some(SILENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends bytes; returns whether the other side still takes them.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        match self.stream.write_all(bytes) {
            Ok(()) => true,
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => false,
            Err(error) => panic!("it neither reads nor closes: {error}"),
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn say_no_more(&self) {
        // The other side may have closed the connection.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads until the other side has closed the connection.
    pub(crate) fn read_to_end(&mut self) -> Answers {
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => bytes.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("it neither answers nor closes: {error}, so far {:?}", Answers(bytes)),
            }
        }
        Answers(bytes)
    }
}

/// All that came on a connection.
pub(crate) struct Answers(Vec<u8>);

impl Answers {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// Returns the status of each answer.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let text = self.text();
        text.match_indices("HTTP/1.1 ")
            .map(|(at, found)| text[at + found.len()..][..3].parse().unwrap())
            .collect()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text())
    }
}

/// Returns the head of a request, with these header lines more.
pub(crate) fn head(method: &str, path: &str, headers: &[&str]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: emulator\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// Returns the head of a request that creates a backup.
pub(crate) fn create_head(headers: &[&str]) -> Vec<u8> {
    head("POST", &backups_path(DEMO_INSTANCE), headers)
}
