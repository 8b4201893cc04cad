//! An answer leaves after its sync: the system calls of the built program, observed.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::database::beside;
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Process, Server, isolate, serve};
use crate::trace;

/// What is observed.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,pwrite64,pwritev,sendto,sendmsg";
/// How many backups are created, restored from and deleted, one after another.
const BACKUPS: usize = 8;

/// Says why nothing can be observed here, if so.
pub(crate) fn obstacle() -> Option<String> {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("strace may not: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Some(format!("there is no strace: {error}")),
    }
}

fn observed(trace: &Path, program: &Command) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "32", "-e", CALLS, "-o"]).arg(trace).arg(program.get_program());
    command.args(program.get_args());
    isolate(&mut command);
    command
}

pub(crate) fn an_answer_leaves_after_its_sync() {
    let (folder, traces) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (database, ready_file) = (folder.path().join("a.db"), traces.path().join("ready.json"));
    let trace = traces.path().join("trace");
    let program = serve(&database, &["--demo", "--ready-file", &ready_file.to_string_lossy()]);
    let server = Server::ready(Process::spawn(&mut observed(&trace, &program)));
    let mut connection = server.connect();
    for number in 0..BACKUPS {
        let created = connection.create(DEMO_INSTANCE, &format!("{number}")).unwrap();
        assert_eq!(created.status, 200, "{created:?}");
        let id = created.text("backup_id");
        let restored = connection.restore(DEMO_INSTANCE, &id, "").unwrap();
        assert_eq!(restored.status, 200, "{restored:?}");
        let deleted = connection.delete(DEMO_INSTANCE, &id).unwrap();
        assert_eq!(deleted.status, 200, "{deleted:?}");
    }
    // The process is strace; the server is the one that wrote the ready file, soon after its ready line.
    let ready = crate::process_support::eventually("the ready file", || std::fs::read(&ready_file).ok());
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    let stop = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", ready["pid"])).status();
    assert!(stop.unwrap().success());
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");

    let log = beside(&database, "-wal").canonicalize().unwrap_or_else(|_| {
        // It is gone, but its folder is not.
        beside(&folder.path().canonicalize().unwrap().join("a.db"), "-wal")
    });
    let trace = std::fs::read_to_string(trace).unwrap();
    let events = trace::read(&trace, &log.to_string_lossy());
    assert_eq!(trace::answers_after_their_sync(&events), Ok(3 * BACKUPS), "{trace}");
    // A log that is on disk is of no use as long as its name is not.
    let folder = folder.path().canonicalize().unwrap();
    let (before, _) = trace.split_once("\"HTTP/1.1 ").unwrap();
    let synced_folder = format!("<{}>) = 0", folder.display());
    let is_sync_of_folder =
        |line: &str| line.contains("fsync(") && line.replace("    ", "").contains(&synced_folder);
    assert!(
        before.lines().any(|line| is_sync_of_folder(&line.split_whitespace().collect::<Vec<_>>().join(" "))),
        "{before}"
    );
}
