//! The table of everything that can be called.
//!
//! Literal paths stand before those with placeholders that would capture them, and the hottest stand first.

mod api;
mod services;
mod side;

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Resource, Route, web};

use crate::engine::ApiVersion;
use crate::http::context::route;
use crate::http::error::ApiError;
use crate::http::operation::{Operation, RouteName};

/// One method on one path.
pub struct RouteEntry {
    /// What is asked for.
    pub operation: &'static Operation,
    /// The version of the API that is spoken; none for what belongs to no version.
    pub api: Option<ApiVersion>,
    /// The method.
    pub method: Method,
    /// The path, with placeholders in braces.
    pub path: &'static str,
    /// Whether it belongs to the control API.
    pub is_control: bool,
    /// Makes the route; called once a worker.
    route: fn() -> Route,
}

/// Which part of the table is served on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RouteSet {
    Everything,
    /// All but the control API.
    Api,
    /// The control API.
    Control,
}

impl RouteSet {
    fn table(self) -> Vec<RouteEntry> {
        let parts = match self {
            Self::Everything => vec![
                api::api_routes(),
                services::identity_routes(),
                services::own_routes(),
                services::control_routes().collect(),
            ],
            Self::Api => vec![api::api_routes(), services::identity_routes(), services::own_routes()],
            Self::Control => vec![services::control_routes().collect()],
        };
        parts.into_iter().flatten().collect()
    }
}

/// Returns the table.
pub fn table() -> Vec<RouteEntry> {
    RouteSet::Everything.table()
}

fn entry(
    operation: &'static Operation,
    method: Method,
    path: &'static str,
    route: fn() -> Route,
) -> RouteEntry {
    let api = match path.split('/').nth(1) {
        Some("v1.0") => Some(ApiVersion::V1),
        Some("v2") => Some(ApiVersion::V2),
        _ => None,
    };
    RouteEntry { operation, api, method, path, is_control: false, route }
}

/// Registers a part of the table: one resource a path; a method that is not in it is refused, and so is every other path.
pub(super) fn configure(config: &mut web::ServiceConfig, routes: RouteSet) {
    let table = routes.table();
    let mut paths: Vec<&'static str> = Vec::new();
    for entry in &table {
        if !paths.contains(&entry.path) {
            paths.push(entry.path);
        }
    }
    for path in paths {
        let entries: Vec<&RouteEntry> = table.iter().filter(|entry| entry.path == path).collect();
        config.service(resource(path, &entries));
    }
    config.default_service(route(unknown_route));
}

/// Makes the resource of a path.
fn resource(path: &'static str, entries: &[&RouteEntry]) -> Resource {
    let methods: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
    let allowed = methods.join(", ");
    let refused = move |_request: HttpRequest, _body: Bytes| {
        let allowed = allowed.clone();
        async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed { allowed }) }
    };
    let mut resource = web::resource(path).default_service(route(refused));
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
        resource = resource.route((entry.route)().guard(fn_guard(guard)));
    }
    resource
}

async fn unknown_route(_request: HttpRequest, _body: Bytes) -> Result<HttpResponse, ApiError> {
    Err(ApiError::UnknownRoute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_stands_in_the_table_twice() {
        let mut routes: Vec<_> =
            table().into_iter().map(|entry| (entry.method.to_string(), entry.path)).collect();
        let count = routes.len();
        routes.sort();
        routes.dedup();
        assert_eq!(routes.len(), count);
    }
}
