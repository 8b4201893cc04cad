//! The audit stays sound, whatever way a subject of it came into the database.

use std::path::Path;

use tempfile::TempDir;

use crate::process_support::database::{copy_fixture, texts};
use crate::process_support::wire::{Connection, PROJECT};
use crate::process_support::{Server, program, run, serve};

const TEMPLATES_OF_PROJECT: &str = "SELECT project_id || ' ' || name || ' ' || from_status || ' ' || to_status FROM audit WHERE what = 'template' ORDER BY number";
/// The project that is there as long as no seed names one.
const BUILT_IN_PROJECT: &str = "4f1c0e9b4d7a4e0b8b7c2a5d9e3f1a60";

fn is_sound(database: &Path) {
    let mut check = program(&["check", "--database"]);
    check.arg(database);
    let checked = run(check);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

fn templates_path(project: &str) -> String {
    format!("/v2/{project}/config-templates")
}

fn delete_the_only_template(client: &mut Connection, project: &str) {
    let listed = client.get(&format!("{}?type=user", templates_path(project))).unwrap().json();
    let id = listed["templates"][0]["template_id"].as_str().unwrap().to_owned();
    let deleted = client.ask("DELETE", &format!("{}/{id}", templates_path(project)), "").unwrap();
    assert_eq!(deleted.status, 200, "{deleted:?}");
}

#[test]
fn a_template_of_a_seed_has_its_events() {
    let folder = TempDir::new().unwrap();
    let (database, seed) = (folder.path().join("a.db"), folder.path().join("seed.yaml"));
    let template = "{name: mine, engine_version: '5.0', cache_mode: ha}";
    std::fs::write(&seed, format!("projects: [{{id: {PROJECT}, templates: [{template}]}}]")).unwrap();
    let server = Server::start(serve(&database, &["--seed", &seed.to_string_lossy()]));
    delete_the_only_template(&mut server.connect(), PROJECT);
    server.stop();
    is_sound(&database);
    assert_eq!(
        texts(&database, TEMPLATES_OF_PROJECT),
        [format!("{PROJECT} mine none ACTIVE"), format!("{PROJECT} mine ACTIVE gone")]
    );
}

#[test]
fn a_template_of_an_old_database_has_its_events() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    copy_fixture(8, &database);
    let server = Server::start(serve(&database, &[]));
    delete_the_only_template(&mut server.connect(), PROJECT);
    server.stop();
    is_sound(&database);
}

#[test]
fn events_of_the_built_in_project_stay_its_own_when_a_seed_names_another() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let server = Server::start(serve(&database, &[]));
    let created = server.connect().ask(
        "POST",
        &templates_path(BUILT_IN_PROJECT),
        r#"{"template_id": "4", "name": "mine"}"#,
    );
    let created = created.unwrap();
    assert_eq!(created.status, 200, "{created:?}");
    server.stop();
    Server::start(serve(&database, &["--demo"])).stop();
    is_sound(&database);
    assert_eq!(texts(&database, TEMPLATES_OF_PROJECT), [format!("{BUILT_IN_PROJECT} mine none ACTIVE")]);
}
