//! The identity service that clients ask before their first call: versions, tokens, temporary keys, the catalogue, services,
//! projects, domains, users.
//!
//! Source: docs/contract/clients-and-identity.md, section 7; docs/contract/networks.md, section 7.

mod catalog;
mod context;
mod projects;
mod temporary_keys;
mod tokens;

use crate::domain::service::{IDENTITY, STS};
use crate::http::context::route;
use crate::http::route::{GET, HEAD, Operation, POST, RouteEntry, Tag, of_service, open, text};

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Identity", about: "What clients ask before their first call." };
    const JSON: &str = "application/json";
    const SHOW_IDENTITY_VERSION: Operation = open("show_identity_version");
    let identity = TAG.routes([
        SHOW_IDENTITY_VERSION
            .summary("Shows the versions")
            .at(GET, "/", route(catalog::show_versions))
            .answers_any(300, JSON),
        SHOW_IDENTITY_VERSION
            .summary("Shows the version")
            .at(GET, "/v3", route(catalog::show_version))
            .answers_any(200, JSON),
        open("create_token")
            .summary("Logs in; the token is in `X-Subject-Token`")
            .at(POST, "/v3/auth/tokens", route(tokens::create_token))
            .takes::<tokens::LoginBody>()
            .answers_any(201, JSON),
        open("create_token_by_id_token")
            .summary("Logs a user of an identity provider in, which `X-Idp-Id` names; the token is in `X-Subject-Token`")
            .at(POST, "/v3.0/OS-AUTH/id-token/tokens", route(tokens::create_token_by_id_token))
            .takes::<tokens::IdTokenBody>()
            .answers_any(201, JSON),
        open("show_token")
            .summary("Shows the token in `X-Subject-Token`")
            .at(GET, "/v3/auth/tokens", route(tokens::show_token))
            .at(HEAD, "/v3/auth/tokens", route(tokens::show_token))
            .answers_any(200, JSON),
        open("create_temporary_key")
            .summary("Makes a temporary key of the caller, or of an agency that it assumes")
            .at(POST, "/v3.0/OS-CREDENTIAL/securitytokens", route(temporary_keys::create_temporary_key))
            .takes::<temporary_keys::SecurityTokenBody>()
            .answers_any(201, JSON),
        open("show_catalog")
            .summary("Shows the catalogue of services")
            .at(GET, "/v3/auth/catalog", route(catalog::show_catalog))
            .answers_any(200, JSON),
        open("list_services")
            .summary("Lists the services of the catalogue")
            .at(GET, "/v3/services", route(catalog::list_services))
            .query(&[text("type", "Only services of this type.")])
            .answers_any(200, JSON),
        open("show_service")
            .summary("Shows a service")
            .at(GET, "/v3/services/{service_id}", route(catalog::show_service))
            .answers_any(200, JSON),
        open("list_endpoints")
            .summary("Lists the endpoints of the catalogue")
            .at(GET, "/v3/endpoints", route(catalog::list_endpoints))
            .query(&[
                text("interface", "Only endpoints of this interface; all are public."),
                text("service_id", "Only endpoints of this service."),
            ])
            .answers_any(200, JSON),
        open("show_endpoint")
            .summary("Shows an endpoint")
            .at(GET, "/v3/endpoints/{endpoint_id}", route(catalog::show_endpoint))
            .answers_any(200, JSON),
        open("list_regions")
            .summary("Lists the regions")
            .at(GET, "/v3/regions", route(catalog::list_regions))
            .answers_any(200, JSON),
        open("show_region")
            .summary("Shows a region")
            .at(GET, "/v3/regions/{region_id}", route(catalog::show_region))
            .answers_any(200, JSON),
        open("list_projects")
            .summary("Lists the projects of the caller")
            .at(GET, "/v3/projects", route(projects::list_projects))
            .at(GET, "/v3/auth/projects", route(projects::list_projects))
            .query(projects::PROJECTS_QUERY)
            .answers_any(200, JSON),
        open("show_project")
            .summary("Shows a project")
            .at(GET, "/v3/projects/{project_id}", route(projects::show_project))
            .answers_any(200, JSON),
        open("list_domains")
            .summary("Lists the domains of the caller")
            .at(GET, "/v3/auth/domains", route(projects::list_domains))
            .at(GET, "/v3/domains", route(projects::list_domains))
            .answers_any(200, JSON),
        open("list_users")
            .summary("Lists users")
            .at(GET, "/v3/users", route(projects::list_users))
            .answers_any(200, JSON),
    ]);
    let sts = TAG.routes([
        open("assume_agency")
            .summary("Makes a temporary key of an agency that is named by its URN")
            .at(POST, "/v5/agencies/assume", route(temporary_keys::assume_agency))
            .takes::<temporary_keys::AssumeAgencyBody>()
            .answers_any(200, JSON),
        open("show_caller")
            .summary("Shows the account of the caller")
            .at(GET, "/v5/caller-identity", route(temporary_keys::show_caller))
            .answers_any(200, JSON),
    ]);
    [of_service(IDENTITY, identity), of_service(STS, sts)].concat()
}
