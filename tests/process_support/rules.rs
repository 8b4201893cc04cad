//! What must be true of a database at any moment, whatever has happened to the program.

use std::path::Path;

use super::{program, run};

/// Makes sure that a database is sound and that the rules of the engine hold in it: they are those of the program's own check.
pub(crate) fn look_through(database: &Path) {
    let checked = run(program(&["check", "--database", &database.to_string_lossy()]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("is sound"), "{checked:?}");
}
