//! No route without a black-box test: each file names, for the routes it covers, a test that has one answered well. Here
//! those tests are run again and their requests looked at, so that a claim cannot outlive its test.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use dcs_emulator::http::routes;

use crate::support::{Covered, Recorded, requests_of};

/// The claims of every file.
const CLAIMS: &[&[Covered]] = &[
    crate::backups::create::COVERS,
    crate::backups::list::COVERS,
    crate::backups::delete::COVERS,
    crate::instances::counts::COVERS,
    crate::instances::create::COVERS,
    crate::instances::delete::COVERS,
    crate::instances::password::COVERS,
    crate::instances::resize::COVERS,
    crate::instances::placement::COVERS,
    crate::instances::status::COVERS,
    crate::instances::update::COVERS,
    crate::key_analyses::COVERS,
    crate::network::COVERS,
    crate::networks::vpcs::COVERS,
    crate::networks::subnets::COVERS,
    crate::networks::groups::COVERS,
    crate::networks::public_ips::COVERS,
    crate::networks::enterprise_projects::COVERS,
    crate::orders::COVERS,
    crate::diagnoses::COVERS,
    crate::exports::COVERS,
    crate::logs::COVERS,
    crate::minor_versions::COVERS,
    crate::instances::resize_check::COVERS,
    crate::roles::COVERS,
    crate::monitored::COVERS,
    crate::accounts::COVERS,
    crate::sessions::COVERS,
    crate::web_cli::COVERS,
    crate::migrations::imports::COVERS,
    crate::migrations::online::COVERS,
    crate::migrations::addresses::COVERS,
    crate::control::contents::COVERS,
    crate::catalog::products::COVERS,
    crate::catalog::quotas::COVERS,
    crate::instances::list::COVERS,
    super::probes::COVERS,
    crate::restores::create::COVERS,
    crate::restores::list::COVERS,
    crate::backups::links::COVERS,
    crate::backups::v2::COVERS,
    crate::instances::list_v2::COVERS,
    crate::identity::agencies::COVERS,
    crate::identity::logins::COVERS,
    crate::identity::tokens::COVERS,
    crate::identity::projects::COVERS,
    crate::identity::services::COVERS,
    crate::identity::temporary_keys::COVERS,
    crate::control::clock_ids_reset::COVERS,
    crate::control::faults::COVERS,
    crate::control::requests::COVERS,
    crate::config::parameters::COVERS,
    crate::nodes::switch::COVERS,
    crate::nodes::list::COVERS,
    crate::config::ssl::COVERS,
    crate::config::jobs::COVERS,
    crate::config::whitelist_scans_bandwidth::COVERS,
    crate::config::tags::COVERS,
    crate::tasks::list::COVERS,
    crate::config::templates::COVERS,
    crate::control::export::COVERS,
    crate::control::snapshot_files::COVERS,
    crate::control::snapshots::COVERS,
    super::openapi::COVERS,
];

/// Returns whether a path is one of those that `template` stands for.
pub(crate) fn is_of(path: &str, template: &str) -> bool {
    let (parts, wanted) = (path.split('/'), template.split('/'));
    parts.clone().count() == wanted.clone().count()
        && parts.zip(wanted).all(|(part, wanted)| wanted.starts_with('{') || part == wanted)
}

/// Runs each test that is named for a route once, and returns the requests it made.
fn requests_by_test() -> &'static BTreeMap<usize, Vec<Recorded>> {
    static REQUESTS: OnceLock<BTreeMap<usize, Vec<Recorded>>> = OnceLock::new();
    REQUESTS.get_or_init(|| {
        let mut requests = BTreeMap::new();
        for claim in CLAIMS.iter().copied().flatten() {
            requests.entry(claim.by as usize).or_insert_with(|| requests_of(claim.by));
        }
        requests
    })
}

/// Returns the requests of all tests that are named for routes.
pub(crate) fn requests_of_claims() -> Vec<Recorded> {
    requests_by_test().values().flatten().cloned().collect()
}

#[test]
fn every_route_has_a_test_that_calls_it() {
    for route in routes::table() {
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
        let requests = &requests_by_test()[&(claim.by as usize)];
        let answered = requests.iter().any(|request| {
            request.method == claim.method && is_of(&request.path, claim.path) && request.is_answered()
        });
        assert!(answered, "{} {} is not among {requests:?}", claim.method, claim.path);
    }
}

#[test]
fn every_claim_is_about_a_route_that_there_is() {
    for claim in CLAIMS.iter().copied().flatten() {
        let exists = routes::table()
            .iter()
            .any(|route| route.method.as_str() == claim.method && route.path == claim.path);
        assert!(exists, "{} {} is no route", claim.method, claim.path);
    }
}
