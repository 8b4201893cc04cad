//! Where the control API is to be had, as operators and commands find it.

use std::net::TcpListener;

use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::{Finished, Server, eventually, program, run, serve};

const PROGRAM: &str = env!("CARGO_BIN_EXE_dcs-emulator");
const WARNING: &str = "everybody who reaches this server can control it";

/// A server with a ready file, and what stands in that.
struct Placed {
    server: Server,
    ready: Value,
    ready_file: String,
    _folder: TempDir,
}

impl Placed {
    fn start(flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let ready_file = folder.path().join("ready.json");
        let path = ready_file.to_string_lossy().into_owned();
        let flags = [&["--ready-file", &path], flags].concat();
        let server = Server::start(serve(&folder.path().join("a.db"), &flags));
        let ready = eventually("the ready file", || std::fs::read_to_string(&ready_file).ok());
        let ready = serde_json::from_str(&ready).expect("whole at once");
        Self { server, ready, ready_file: path, _folder: folder }
    }

    /// Asks for its health as the ready file leads, or by a URL.
    fn health(&self, url: Option<&str>) -> Finished {
        let place = url.map_or(["--ready-file", &self.ready_file], |url| ["--url", url]);
        run(program(&[&["control", "health"][..], &place].concat()))
    }
}

#[test]
fn the_ready_file_leads_to_a_control_api_that_listens_alone() {
    let placed = Placed::start(&["--control-listen", "127.0.0.1:0"]);
    let (url, control_url) = (&placed.ready["url"], placed.ready["control_url"].as_str().unwrap());
    assert_eq!(url, placed.server.url.as_str());
    assert!(control_url.starts_with("http://127.0.0.1:") && url != control_url, "{}", placed.ready);
    placed.server.wait_for_log(control_url);
    assert_eq!(placed.health(None).code, Some(0));
    assert_eq!(placed.health(Some(control_url)).code, Some(0));
    let elsewhere = placed.health(Some(&placed.server.url));
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    assert!(elsewhere.stderr.contains("404"), "{elsewhere:?}");
    // Both end with it.
    let address = control_url.strip_prefix("http://").unwrap().to_owned();
    placed.server.stop();
    TcpListener::bind(address).unwrap();
}

#[test]
fn the_ready_file_says_that_there_is_no_control_api() {
    let placed = Placed::start(&["--control-enabled=false"]);
    assert!(placed.ready["control_url"].is_null() && placed.ready["url"].is_string(), "{}", placed.ready);
    let asked = placed.health(None);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.stderr.contains("its control API is switched off"), "{asked:?}");
    let healthy = run(program(&["healthcheck", "--url", &placed.server.url]));
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
}

#[test]
fn the_command_of_run_finds_the_control_api() {
    for flags in [&[][..], &["--control-listen", "127.0.0.1:0"]] {
        let words = [&["run", "--demo"], flags, &["--", PROGRAM, "control", "info"]].concat();
        let mut command = program(&words);
        command.env("DCS_EMULATOR_CONTROL_URL", "http://127.0.0.1:1");
        let finished = run(command);
        assert!(finished.stdout.contains("counts.instances: 3\n"), "{flags:?}: {finished:?}");
    }
    let script = "echo ${DCS_EMULATOR_CONTROL_URL-nowhere}";
    let mut command = program(&["run", "--control-enabled=false", "--", "sh", "-c", script]);
    command.env("DCS_EMULATOR_CONTROL_URL", "http://127.0.0.1:1");
    assert_eq!(run(command).stdout, "nowhere\n");
}

#[test]
fn a_warning_says_when_strangers_can_control_the_server() {
    let (everywhere, here) = ("0.0.0.0:0", "127.0.0.1:0");
    for (listen, flags, warns) in [
        (everywhere, &[][..], true),
        (here, &[], false),
        (everywhere, &["--control-listen", here], false),
        (here, &["--control-listen", everywhere], true),
        (everywhere, &["--control-enabled=false"], false),
        (here, &["--control-listen", everywhere, "--control-token", "hush"], false),
    ] {
        let words = [&["serve", "--database", "sqlite::memory:", "--listen", listen], flags].concat();
        let stopped = Server::start(program(&words)).stop();
        assert_eq!(stopped.stderr.contains(WARNING), warns, "{words:?}: {stopped:?}");
    }
}

#[test]
fn an_address_that_is_taken_is_refused_before_anything_is_written() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let finished = run(serve(&folder.path().join("a.db"), &["--control-listen", &address]));
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stderr.contains(&format!("cannot listen on {address}")), "{finished:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it left files");
}
