//! No route without a black-box test: each file names, for the routes it covers, a test that has one answered well. Here
//! those tests are run again and their requests looked at, so that a claim cannot outlive its test.

use dcs_emulator::http::{Emulation, routes};

use crate::support::{Covered, requests_of};

/// The claims of every file.
const CLAIMS: &[&[Covered]] = &[
    super::backups_create::COVERS,
    super::backups_list::COVERS,
    super::backups_delete::COVERS,
    super::instance_counts::COVERS,
    super::instance_creation::COVERS,
    super::instance_deletion::COVERS,
    super::instance_password::COVERS,
    super::instance_size::COVERS,
    super::instance_placement::COVERS,
    super::instance_status::COVERS,
    super::instance_update::COVERS,
    super::catalogue::COVERS,
    super::quotas::COVERS,
    super::instances::COVERS,
    super::probes::COVERS,
    super::restores::COVERS,
    super::restores_list::COVERS,
    super::links::COVERS,
    super::v2_backups::COVERS,
    super::v2_instances::COVERS,
    super::identity::COVERS,
    super::tokens::COVERS,
    super::projects::COVERS,
    super::control::COVERS,
    super::control_faults::COVERS,
    super::control_requests::COVERS,
    super::configs::COVERS,
    super::node_switch::COVERS,
    super::nodes::COVERS,
    super::encryption::COVERS,
    super::side_jobs::COVERS,
    super::side_settings::COVERS,
    super::tags::COVERS,
    super::tasks::COVERS,
    super::templates::COVERS,
    super::export::COVERS,
    super::snapshot_files::COVERS,
    super::snapshots::COVERS,
    super::openapi::COVERS,
];

/// Returns whether a path is one of those that `template` stands for.
pub(crate) fn is_of(path: &str, template: &str) -> bool {
    let (parts, wanted) = (path.split('/'), template.split('/'));
    parts.clone().count() == wanted.clone().count()
        && parts.zip(wanted).all(|(part, wanted)| wanted.starts_with('{') || part == wanted)
}

#[test]
fn every_route_has_a_test_that_calls_it() {
    // Stubs are called by `stubs`, which goes by the same table.
    for route in routes::table().into_iter().filter(|route| route.operation.emulation == Emulation::Full) {
        let claimed = CLAIMS
            .iter()
            .copied()
            .flatten()
            .any(|claim| claim.method == route.method.as_str() && claim.path == route.path);
        assert!(claimed, "no file of tests/api covers {} {}", route.method, route.path);
    }
}

#[test]
fn every_test_that_is_named_for_a_route_has_it_answered_well() {
    for claim in CLAIMS.iter().copied().flatten() {
        let requests = requests_of(claim.by);
        let answered = requests.iter().any(|(method, path, status)| {
            method == claim.method && is_of(path, claim.path) && (200..=300).contains(status)
        });
        assert!(answered, "{} {} is not among {requests:?}", claim.method, claim.path);
    }
}

#[test]
fn every_stub_route_is_called_by_its_tests() {
    let tests: [fn(); 2] = [
        super::stubs::what_is_not_emulated_is_refused_and_listed,
        super::stubs::what_only_reads_answers_that_there_is_nothing_of_the_kind,
    ];
    let requests: Vec<_> = tests.into_iter().flat_map(requests_of).collect();
    for route in routes::table().into_iter().filter(|route| route.operation.emulation != Emulation::Full) {
        let called = requests.iter().any(|(method, path, status)| {
            method == route.method.as_str() && is_of(path, route.path) && matches!(status, 200 | 400)
        });
        assert!(called, "no test calls {} {}", route.method, route.path);
    }
}

#[test]
fn every_claim_is_about_a_route_that_there_is() {
    for claim in CLAIMS.iter().copied().flatten() {
        let exists = routes::table()
            .into_iter()
            .any(|route| route.method.as_str() == claim.method && route.path == claim.path);
        assert!(exists, "{} {} is no route", claim.method, claim.path);
    }
}
