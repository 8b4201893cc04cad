//! The description of everything that can be called, as OpenAPI 3.1, and the page to browse it.
//!
//! Routes, summaries and the types of bodies come from the lists of routes beside the handlers.

mod document;

use std::net::SocketAddr;

use actix_web::http::{Uri, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::context::route;
use crate::http::error::Response;
use crate::http::openapi::document::document;
use crate::http::route::{GET, RouteEntry, Tag, open};
use crate::http::state::{AppState, state};

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "This document", about: "What can be called, for programs and for people." };
    TAG.control_routes([
        open("emulator_openapi")
            .summary("Describes everything that can be called, as OpenAPI 3.1")
            .at(GET, "/_emulator/openapi.json", route(show_document))
            .answers_any(200, "application/json"),
        open("emulator_docs")
            .summary("Shows that description to people")
            .at(GET, "/_emulator/docs", route(show_page))
            .answers_any(200, "text/html"),
    ])
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
async fn show_document(request: HttpRequest, _body: Bytes) -> Response {
    let state = state(&request)?;
    let (api, control) = match state.api_elsewhere {
        Some(address) => {
            let used = AppState::address_used(&request);
            let api = state.settings.public_url.clone().unwrap_or_else(|| reached_at(address, &used));
            (api, Some(used))
        }
        None => (state.base_url(&request).to_string(), None),
    };
    Ok(HttpResponse::Ok().json(document(state.routes, &api, control.as_deref())))
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
async fn show_page(_request: HttpRequest, _body: Bytes) -> Response {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY));
    answer.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(answer.content_type("text/html; charset=utf-8").body(PAGE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::http::route::{Content, Docs};
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
        let is_whole = |docs: &Docs| !docs.summary.is_empty() && docs.answer.is_some();
        let silent: Vec<String> = routes::table()
            .iter()
            .filter(|route| !is_whole(&route.docs))
            .map(|route| format!("{} {} ({})", route.method, route.path, route.operation.name))
            .collect();
        assert!(
            silent.is_empty(),
            "say in the list of routes what they do and what they answer, as in \
             .summary(\"Shows it\").answers::<ItView>(): {silent:#?}"
        );
    }

    #[test]
    fn no_two_bodies_have_the_same_name() {
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for route in routes::table() {
            let docs = &route.docs;
            let contents = docs.body.into_iter().chain(docs.answer.map(|(_, content)| content));
            for (name, schema) in contents.flat_map(Content::schemas) {
                let schema = serde_json::to_string(&schema).unwrap();
                let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(
                    *first, schema,
                    "two types are called {name}: give one another name by #[schema(as = …)]"
                );
            }
        }
    }
}
