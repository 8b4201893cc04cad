//! No temporary folder: the program in an empty root directory, under a user who can write its database's folder and nothing else.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process_support::rules::look_through;
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Server, isolate};

/// The user `nobody` on every system this is developed on.
const USER: u32 = 65534;
/// The folder of the database, in the root directory.
const FOLDER: &str = "data";

/// Says why there can be no other root directory here, if so.
pub(crate) fn obstacle() -> Option<String> {
    let tried = Command::new("chroot").args(["/", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("chroot may not: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Some(format!("there is no chroot: {error}")),
    }
}

/// A root directory that holds the program, the libraries that it needs, and a folder for its database.
fn empty_root() -> TempDir {
    let root = TempDir::new().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_dcs-emulator"));
    copy(program, &root.path().join("dcs-emulator"));
    // It fails for a program that needs none.
    let needed = Command::new("ldd").arg(program).output().unwrap();
    let needed = String::from_utf8(needed.stdout).unwrap();
    for library in needed.split_whitespace().filter(|word| word.starts_with('/')) {
        copy(Path::new(library), &root.path().join(library.trim_start_matches('/')));
    }
    let folder = root.path().join(FOLDER);
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::chown(&folder, Some(USER), Some(USER)).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(root.path(), everybody).unwrap();
    root
}

/// By another process: a file that is being written cannot be run, nor while a child holds on to the handle.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    assert!(Command::new("cp").arg("-L").arg(from).arg(to).status().unwrap().success());
}

fn serve_in(root: &TempDir) -> Command {
    let mut command = Command::new("chroot");
    command.arg(format!("--userspec={USER}:{USER}")).arg(root.path());
    command.args(["/dcs-emulator", "serve", "--demo", "--listen", "127.0.0.1:0", "--database"]);
    command.arg(format!("/{FOLDER}/a.db"));
    command.env_remove("TMPDIR").env_remove("SQLITE_TMPDIR");
    isolate(&mut command);
    command
}

pub(crate) fn no_temporary_folder_is_needed() {
    let root = empty_root();
    let server = Server::start(serve_in(&root));
    let mut connection = server.connect();
    assert_eq!(connection.create(DEMO_INSTANCE, "kept").unwrap().status, 200);
    // What changes and copies most: everything.
    for (method, path) in [
        ("PUT", "/_emulator/snapshots/one"),
        ("POST", "/_emulator/reset"),
        ("POST", "/_emulator/snapshots/one/restore"),
        ("GET", "/readyz"),
    ] {
        let answer = connection.ask(method, path, "").unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    }
    assert_eq!(connection.list(DEMO_INSTANCE).len(), 1);
    server.stop();
    Server::start(serve_in(&root)).stop();
    look_through(&root.path().join(FOLDER).join("a.db"));
}
