//! The description of everything that can be called, as OpenAPI 3.1, and the page to browse it.
//!
//! Which routes there are is taken from the table of routes, the schemas of bodies from the types that are read and written;
//! the rest is said in `family()` beside the handlers.

pub(in crate::http) mod describe;
mod document;

use std::net::SocketAddr;

use actix_web::http::{Uri, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::api::backups;
use crate::http::api::backups::links;
use crate::http::api::catalog;
use crate::http::api::config;
use crate::http::api::instances;
use crate::http::api::nodes;
use crate::http::api::restores;
use crate::http::api::stubs;
use crate::http::api::tasks;
use crate::http::api::v2;
use crate::http::context::state;
use crate::http::control;
use crate::http::error::ApiError;
use crate::http::identity;
use crate::http::openapi::describe::{Family, describe};
use crate::http::openapi::document::document;
use crate::http::operation;
use crate::http::probes;
use crate::http::server::AppState;

/// What every file of handlers says of its own, in the order in which people read it.
fn families() -> Vec<Family> {
    vec![
        backups::family(),
        restores::family(),
        instances::family(),
        config::family(),
        nodes::family(),
        tasks::family(),
        catalog::family(),
        v2::family(),
        links::family(),
        control::family(),
        family(),
        identity::family(),
        probes::family(),
        stubs::family(),
    ]
}

fn family() -> Family {
    Family {
        name: "This document",
        about: "What can be called, for programs and for people.",
        operations: vec![
            describe(&operation::control::OPENAPI, "Describes everything that can be called, as OpenAPI 3.1")
                .answers_any(200, "application/json"),
            describe(&operation::control::DOCS, "Shows that description to people")
                .answers_any(200, "text/html"),
        ],
    }
}

/// The page: it asks for the document, for what people try there, and for nothing else.
const PAGE: &str = include_str!("docs.html");
/// What the page may do: run its own script with its own style, whose hashes these are, and ask this server. A test says the
/// hashes anew when the page has changed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
     script-src 'sha256-8Cx+AlTUf4kGgQGS9tx1UwMMDUOPEJGpEzK66wJ4ThE='; \
     style-src 'sha256-rXXIE+VgfFs8Nw4L3PDl7lOpEz5qb5qNhjO8JwVdzbg='; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /_emulator/openapi.json`: the document. It holds no secrets, so that it takes no token.
pub(super) async fn show_document(request: HttpRequest, _body: Bytes) -> Result<HttpResponse, ApiError> {
    let state = state(&request)?;
    let (api, control) = match state.api_elsewhere {
        Some(address) => {
            let used = AppState::address_used(&request);
            let api = state.settings.public_url.clone().unwrap_or_else(|| reached_at(address, &used));
            (api, Some(used))
        }
        None => (state.base_url(&request), None),
    };
    Ok(HttpResponse::Ok().json(document(&api, control.as_deref())))
}

/// Returns where a client reaches a server on `address`: if that is every address of the machine, on the host that it used to get
/// here.
fn reached_at(address: SocketAddr, used: &str) -> String {
    let used = used.parse::<Uri>().ok();
    match used.as_ref().and_then(Uri::host).filter(|_| address.ip().is_unspecified()) {
        Some(host) => format!("http://{host}:{}", address.port()),
        None => format!("http://{address}"),
    }
}

/// `GET /_emulator/docs`: the page.
pub(super) async fn show_page(_request: HttpRequest, _body: Bytes) -> Result<HttpResponse, ApiError> {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY));
    answer.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(answer.content_type("text/html; charset=utf-8").body(PAGE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::http::openapi::describe::{Content, Description};
    use crate::http::openapi::document::description_of;
    use crate::http::routes;

    #[test]
    fn every_address_is_reached_on_the_host_that_was_used() {
        let at = |address: &str, used| reached_at(address.parse().unwrap(), used);
        assert_eq!(at("0.0.0.0:8637", "http://emulator:8638"), "http://emulator:8637");
        assert_eq!(at("[::]:8637", "http://[::1]:8638"), "http://[::1]:8637");
        assert_eq!(at("127.0.0.1:8637", "http://emulator:8638"), "http://127.0.0.1:8637");
    }

    #[test]
    fn every_route_is_described() {
        let families = families();
        let silent: Vec<String> = routes::table()
            .iter()
            .filter(|route| description_of(&families, route).1.is_none_or(|said| !said.is_whole()))
            .map(|route| format!("{} {} ({})", route.method, route.path, route.operation.name))
            .collect();
        assert!(
            silent.is_empty(),
            "say in `family()` or `described()` beside the handler what they do and what they answer, as in \
             describe(&operation::SHOW_IT, \"Shows it\").answers::<ItView>(): {silent:#?}"
        );
    }

    #[test]
    fn every_description_is_of_a_route() {
        let (families, table) = (families(), routes::table());
        for family in &families {
            for said in &family.operations {
                assert!(
                    table.iter().any(|route| said.fits(route).is_some()),
                    "{}: {}",
                    family.name,
                    said.summary
                );
            }
        }
    }

    #[test]
    fn no_two_bodies_have_the_same_name() {
        let families = families();
        let said = families.iter().flat_map(|family| &family.operations);
        let schemas = said.flat_map(Description::contents).flat_map(Content::schemas);
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for (name, schema) in schemas {
            let schema = serde_json::to_string(&schema).unwrap();
            let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(
                *first, schema,
                "two types are called {name}: give one another name by #[schema(as = …)]"
            );
        }
    }
}
