//! Everything that can be called: the lists of all resources, and the registration of their routes with actix-web.

use std::sync::LazyLock;

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use crate::http::context::route;
use crate::http::error::{ApiError, Response};
pub use crate::http::route::RouteEntry;
use crate::http::route::RouteName;
use crate::http::{api, control, identity, openapi, probes};

/// Returns every route, the hottest first.
pub fn table() -> &'static [RouteEntry] {
    static TABLE: LazyLock<Vec<RouteEntry>> = LazyLock::new(|| {
        [api::routes(), control::routes(), openapi::routes(), identity::routes(), probes::routes()].concat()
    });
    &TABLE
}

/// The routes that are served on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RouteSet {
    Everything,
    /// All but the control API.
    Api,
    /// The control API.
    Control,
}

impl RouteSet {
    fn contains(self, entry: &RouteEntry) -> bool {
        match self {
            Self::Everything => true,
            Self::Api => !entry.is_control,
            Self::Control => entry.is_control,
        }
    }
}

/// Registers a set of routes: one resource a path; a method that is not among them is refused, and so is every other path.
pub(super) fn configure(config: &mut web::ServiceConfig, set: RouteSet) {
    let table: Vec<&RouteEntry> = table().iter().filter(|entry| set.contains(entry)).collect();
    for path in paths(&table) {
        let entries: Vec<&RouteEntry> = table.iter().copied().filter(|entry| entry.path == path).collect();
        config.service(resource(path, &entries));
    }
    config.default_service(route(unknown_route).route());
}

/// Returns the paths of routes in their order, but each before those with placeholders that would capture it.
fn paths<'r>(table: &[&'r RouteEntry]) -> Vec<&'r str> {
    let mut paths: Vec<&str> = Vec::new();
    for entry in table {
        let path = entry.path.as_str();
        if !paths.contains(&path) {
            let place = paths.iter().position(|other| captures(other, path)).unwrap_or(paths.len());
            paths.insert(place, path);
        }
    }
    paths
}

/// Returns whether a path with its placeholders matches another one.
fn captures(path: &str, other: &str) -> bool {
    let (parts, others) = (path.split('/'), other.split('/'));
    parts.clone().count() == others.clone().count()
        && parts.zip(others).all(|(part, other)| part.starts_with('{') || part == other)
}

/// Makes the resource of a path.
fn resource(path: &str, entries: &[&RouteEntry]) -> Resource {
    let methods: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
    let allowed = methods.join(", ");
    let refused = move |_request: HttpRequest, _body: Bytes| {
        let allowed = allowed.clone();
        async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed { allowed }) }
    };
    let mut resource = web::resource(path).default_service(route(refused).route());
    for entry in entries {
        let method = entry.method.clone();
        let name = RouteName { operation: entry.operation, api: entry.api, is_control: entry.is_control };
        // The guard that lets the request through also says what it is.
        let guard = move |context: &GuardContext<'_>| {
            let is_let_through = context.head().method == method;
            if is_let_through {
                context.req_data_mut().insert(name);
            }
            is_let_through
        };
        resource = resource.route(entry.handler.route().guard(fn_guard(guard)));
    }
    resource
}

async fn unknown_route(_request: HttpRequest, _body: Bytes) -> Response {
    Err(ApiError::UnknownRoute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_stands_in_the_table_twice() {
        let mut routes: Vec<_> =
            table().iter().map(|entry| (entry.method.to_string(), &entry.path)).collect();
        let count = routes.len();
        routes.sort();
        routes.dedup();
        assert_eq!(routes.len(), count);
    }

    #[test]
    fn no_path_is_captured_by_one_before_it() {
        let paths = paths(&table().iter().collect::<Vec<_>>());
        for (place, path) in paths.iter().enumerate() {
            assert_eq!(paths[..place].iter().find(|earlier| captures(earlier, path)), None, "{path}");
        }
        assert!(captures("/v2/{project_id}/instances/{instance_id}", "/v2/{project_id}/instances/status"));
    }
}
