//! A real Redis accepts what a download link delivers: its checkers pass the file and its server loads the keys, in both
//! formats.
//!
//! Needs Debian's `redis-server` and `redis-tools`; where they are missing every test reports itself as ignored and says
//! why. The server listens on a socket file in a folder of its own, so that no port is taken and tests do not meet.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[expect(dead_code, reason = "shared with tests that use other parts of it")]
mod process_support;

use std::path::Path;
use std::process::{Child, Command, ExitCode, Output, Stdio};

use libtest_mimic::{Arguments, Completion, Trial};
use process_support::database::block_on;
use process_support::wire::{DEMO_INSTANCE, PROJECT};
use process_support::{Server, eventually, serve};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The programs that are needed, all of which know `--version`.
const PROGRAMS: [&str; 4] = ["redis-server", "redis-cli", "redis-check-rdb", "redis-check-aof"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial("redis_loads_the_rdb_file_behind_every_link", || redis_loads(&RDB)),
        trial("redis_loads_the_aof_file_behind_every_link", || redis_loads(&AOF)),
        trial("redis_refuses_the_rdb_file_with_one_bit_changed", redis_refuses_a_changed_file),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(missing) = PROGRAMS.into_iter().find(|program| !is_there(program)) {
            return Ok(Completion::ignored_with(format!("{missing} is not installed")));
        }
        test();
        Ok(Completion::Completed)
    })
}

/// Returns whether a program can be started, whatever it then says.
fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// A format with everything Redis wants to be told of it.
struct Format {
    name: &'static str,
    file_name: &'static str,
    checker: &'static str,
    options: &'static [&'static str],
}

const RDB: Format = Format {
    name: "rdb",
    file_name: "backup.rdb",
    checker: "redis-check-rdb",
    options: &["--dbfilename", "backup.rdb", "--appendonly", "no"],
};
const AOF: Format = Format {
    name: "aof",
    file_name: "appendonly.aof",
    checker: "redis-check-aof",
    options: &["--appendonly", "yes", "--appendfilename", "appendonly.aof"],
};

/// A record with the file that its link delivers.
struct Downloaded {
    record: Value,
    file: Vec<u8>,
}

/// Has the running program make a backup, and downloads its file as a client does.
fn download(server: &Server, format: &str, remark: Option<&str>) -> Downloaded {
    block_on(async {
        let client = Client::builder().no_proxy().build().unwrap();
        let backups = format!("{}/v2/{PROJECT}/instances/{DEMO_INSTANCE}/backups", server.url);
        let post = async |url: &str, body: Value| -> Value {
            let answer = client.post(url).json(&body).send().await.unwrap();
            answer.error_for_status().unwrap().json().await.unwrap()
        };
        let created = post(&backups, json!({"backup_format": format, "remark": remark})).await;
        let backup_id = created["backup_id"].as_str().unwrap();
        let list = client.get(format!("{backups}?limit=1")).send().await.unwrap();
        let record = list.json::<Value>().await.unwrap()["backup_record_response"][0].take();
        assert_eq!(record["backup_id"], backup_id);
        let links = post(&format!("{backups}/{backup_id}/links"), json!({"expiration": 300})).await;
        let file = client.get(links["links"][0]["link"].as_str().unwrap()).send().await.unwrap();
        let file = file.error_for_status().unwrap().bytes().await.unwrap().to_vec();
        Downloaded { record, file }
    })
}

fn start_emulator(folder: &Path) -> Server {
    Server::start(serve(&folder.join("records.db"), &["--demo"]))
}

fn redis_loads(format: &Format) {
    let folder = TempDir::new().unwrap();
    let emulator = start_emulator(folder.path());
    let emoji = "😀".repeat(128);
    let remarks =
        [None, Some(""), Some("nightly"), Some("备份说明"), Some("a\r\nb"), Some("a\u{1}b"), Some(&emoji)];
    for remark in remarks {
        let Downloaded { record, file } = download(&emulator, format.name, remark);
        assert_eq!(json!(file.len()), record["size"], "{remark:?}");
        // Under /tmp, and so short: the path of a socket has at most 107 bytes.
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(format.file_name);
        std::fs::write(&path, &file).unwrap();

        // Before the server: from 7.0 on it moves the file into a folder.
        let verdict = Command::new(format.checker).arg(&path).output().unwrap();
        assert!(verdict.status.success(), "{remark:?}: {verdict:?}");

        let redis = Redis::start(folder, format.options);
        let get = |name: &str| redis.text(&["GET", &format!("dcs-emulator:{name}")]);
        assert_eq!(get("instance_id"), DEMO_INSTANCE);
        assert_eq!(get("backup_id"), record["backup_id"].as_str().unwrap());
        assert_eq!(get("remark"), remark.unwrap_or_default());
        let keys = if remark.is_some() { "5" } else { "4" };
        assert_eq!(redis.text(&["DBSIZE"]), keys);
    }
}

fn redis_refuses_a_changed_file() {
    let folder = TempDir::new().unwrap();
    let emulator = start_emulator(folder.path());
    let mut file = download(&emulator, "rdb", Some("nightly")).file;
    let path = folder.path().join("backup.rdb");
    let check = |file: &[u8]| {
        std::fs::write(&path, file).unwrap();
        Command::new("redis-check-rdb").arg(&path).output().unwrap()
    };
    let whole = check(&file);
    assert!(whole.status.success(), "{whole:?}");
    let inside_the_remark = file.len() - 10;
    file[inside_the_remark] ^= 1;
    let changed = check(&file);
    assert!(!changed.status.success(), "{changed:?}");
}

/// A `redis-server` in a folder of its own; killed when dropped.
struct Redis {
    server: Child,
    folder: TempDir,
}

impl Redis {
    /// Starts the server on what is in the folder, and returns once it answers.
    fn start(folder: TempDir, options: &[&str]) -> Self {
        let server = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
            .arg("--dir")
            .arg(folder.path())
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut redis = Self { server, folder };
        eventually("redis-server answers", || {
            let ended = redis.server.try_wait().unwrap();
            assert!(ended.is_none(), "redis-server refused the file: {ended:?}");
            (redis.ask(&["PING"]).stdout == b"PONG\n").then_some(())
        });
        redis
    }

    fn ask(&self, words: &[&str]) -> Output {
        let socket = self.folder.path().join("redis.sock");
        Command::new("redis-cli").arg("-s").arg(socket).arg("--raw").args(words).output().unwrap()
    }

    /// Returns the answer without the line end that `redis-cli` adds.
    fn text(&self, words: &[&str]) -> String {
        let text = String::from_utf8(self.ask(words).stdout).unwrap();
        text.strip_suffix('\n').unwrap().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
