//! The identity service that clients ask before their first call: versions, tokens, the catalogue, projects, domains, users.
//!
//! Source: docs/contract/clients-and-identity.md, section 7.

mod catalog;
mod context;
mod projects;
mod tokens;

use crate::http::context::route;
use crate::http::route::{GET, HEAD, Operation, POST, RouteEntry, Tag, open};

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Identity", about: "What clients ask before their first call." };
    const JSON: &str = "application/json";
    const SHOW_IDENTITY_VERSION: Operation = open("show_identity_version");
    TAG.routes([
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
        open("show_token")
            .summary("Shows the token in `X-Subject-Token`")
            .at(GET, "/v3/auth/tokens", route(tokens::show_token))
            .at(HEAD, "/v3/auth/tokens", route(tokens::show_token))
            .answers_any(200, JSON),
        open("show_catalog")
            .summary("Shows the catalogue of services")
            .at(GET, "/v3/auth/catalog", route(catalog::show_catalog))
            .answers_any(200, JSON),
        open("list_projects")
            .summary("Lists the projects of the caller")
            .at(GET, "/v3/projects", route(projects::list_projects))
            .at(GET, "/v3/auth/projects", route(projects::list_projects))
            .answers_any(200, JSON),
        open("show_project")
            .summary("Shows a project")
            .at(GET, "/v3/projects/{project_id}", route(projects::show_project))
            .answers_any(200, JSON),
        open("list_domains")
            .summary("Lists the domains of the caller")
            .at(GET, "/v3/auth/domains", route(projects::list_domains))
            .answers_any(200, JSON),
        open("list_users")
            .summary("Lists users")
            .at(GET, "/v3/users", route(projects::list_users))
            .answers_any(200, JSON),
    ])
}
