//! New databases: where they appear, with whose rights, and what an earlier start may have left there.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::slice;

use tempfile::TempDir;

use crate::process_support::database::{beside, snapshot, texts};
use crate::process_support::rules::look_through;
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Server, serve};

fn files(folder: &Path) -> Vec<PathBuf> {
    snapshot(folder).into_keys().collect()
}

/// Starts and stops a server that stores a backup, and makes sure that it is in this database. Returns the files beside that.
fn starts(database: &Path, named: &Path) -> Vec<PathBuf> {
    let server = Server::start(serve(named, &["--demo"]));
    assert_eq!(server.connect().create(DEMO_INSTANCE, "kept").unwrap().status, 200);
    server.stop();
    let files = files(database.parent().unwrap());
    assert_eq!(texts(database, "SELECT remark FROM backup_records"), ["kept"]);
    look_through(database);
    files
}

#[test]
fn an_empty_file_is_filled_and_keeps_its_rights() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    std::fs::write(&database, "").unwrap();
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("second name.db");
    std::fs::hard_link(&database, &link).unwrap();
    assert_eq!(starts(&database, &database), [database.clone(), link.clone()]);
    assert_eq!(database.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    // It is the same file still, as one that is mounted has to be.
    assert_eq!(std::fs::read(&database).unwrap(), std::fs::read(&link).unwrap());
}

#[test]
fn a_link_to_where_there_is_nothing_yet_leads_to_the_new_database() {
    let (links, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let database = folder.path().join("a.db");
    let (link, far) = (links.path().join("a.db"), links.path().join("far.db"));
    symlink(&database, &far).unwrap();
    symlink("far.db", &link).unwrap();
    assert_eq!(starts(&database, &link), slice::from_ref(&database));
    assert!(link.is_symlink() && far.is_symlink());
    assert!(beside(&database, ".lock").exists(), "the lock lies beside the link");
}

#[test]
fn a_link_to_itself_is_refused() {
    let folder = TempDir::new().unwrap();
    let link = folder.path().join("a.db");
    symlink(&link, &link).unwrap();
    let finished = crate::process_support::run(serve(&link, &[]));
    assert_eq!(finished.code, Some(7), "{finished:?}");
}

#[test]
fn what_a_first_start_left_unfinished_is_replaced() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    for suffix in [".new.tmp", ".new.tmp-journal", ".new.tmp-wal", ".look.tmp", ".look.tmp-journal"] {
        std::fs::write(beside(&database, suffix), "half of it").unwrap();
    }
    assert_eq!(starts(&database, &database), slice::from_ref(&database));
    // Also where there is a database already.
    std::fs::write(beside(&database, ".new.tmp"), "half of it").unwrap();
    Server::start(serve(&database, &["--demo"])).stop();
    assert_eq!(files(folder.path()), [database]);
}

#[test]
fn what_lay_beside_a_database_that_has_gone_is_not_played_back_into_a_new_one() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let mut server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(server.connect().create(DEMO_INSTANCE, "gone").unwrap().status, 200);
    server.process.kill();
    std::fs::remove_file(&database).unwrap();
    assert!(beside(&database, "-wal").metadata().unwrap().len() > 0);
    assert_eq!(starts(&database, &database), [database]);
}
