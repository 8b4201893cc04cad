//! Logs: what an operator reads.

use tempfile::TempDir;

use crate::process_support::{Server, program, serve};

#[test]
fn at_info_the_log_tells_nothing_of_the_framework() {
    let folder = TempDir::new().unwrap();
    let stopped = Server::start(serve(&folder.path().join("a.db"), &["--demo"])).stop();
    assert!(stopped.stderr.contains("INFO records are kept in a file"), "{stopped:?}");
    for word in ["Tokio", "tokio", "worker", "accept thread"] {
        assert!(!stopped.stderr.contains(word), "{word}: {stopped:?}");
    }
}

#[test]
fn a_variable_that_no_setting_has_is_named_at_the_start_with_the_nearest() {
    let mut command = program(&["serve", "--database", "sqlite::memory:", "--listen", "127.0.0.1:0"]);
    command.env("DCS_EMULATOR_BAKCUP_DURATION", "5s").env("DCS_EMULATOR_URL", "http://127.0.0.1:1");
    let stopped = Server::start(command).stop();
    let warnings: Vec<&str> = stopped.stderr.lines().filter(|line| line.contains("WARN")).collect();
    let [warning] = warnings[..] else { panic!("{stopped:?}") };
    assert!(warning.contains("DCS_EMULATOR_BAKCUP_DURATION"), "{warning}");
    assert!(warning.contains("did you mean DCS_EMULATOR_BACKUP_DURATION?"), "{warning}");
}
