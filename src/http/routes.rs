//! Everything that can be called: the lists of all resources, and how the route of a request is found.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use matchit::InsertError;

use crate::domain::service::{DCS, Service};
use crate::http::context::{guarded, route};
use crate::http::error::{ApiError, Response};
pub use crate::http::route::RouteEntry;
use crate::http::route::{Handler, of_service};
use crate::http::state::host_of;
use crate::http::{api, control, identity, networks, openapi, probes};

/// Returns every route.
pub fn table() -> &'static [RouteEntry] {
    static TABLE: LazyLock<Vec<RouteEntry>> = LazyLock::new(|| {
        let api = of_service(DCS, api::routes());
        let services = [identity::routes(), networks::routes()].concat();
        [api, control::routes(), openapi::routes(), services, probes::routes()].concat()
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

/// Finds the route of a request: by its path, then by its host where hosts tell services apart, then by its method.
pub(super) struct Router {
    /// The routes of hosts that name no service.
    of_any_host: Paths,
    /// Those of hosts that name one: what it has, and what every host has.
    of_services: Vec<(&'static Service, Paths)>,
}

/// The methods of each path. Where a part of a path is known, no placeholder stands for it.
type Paths = matchit::Router<Vec<&'static RouteEntry>>;

/// The methods of a path that a request has found, if its own is not among them.
struct Allowed(String);

impl Router {
    /// Prepares a set of routes; with `is_by_host` the host of a service has no paths of another.
    ///
    /// # Errors
    /// If two paths differ in nothing that a request could show.
    pub(super) fn new(set: RouteSet, is_by_host: bool) -> Result<Self, InsertError> {
        let table: Vec<&'static RouteEntry> = table().iter().filter(|entry| set.contains(entry)).collect();
        let mut services: Vec<&'static Service> = Vec::new();
        for service in table.iter().filter_map(|entry| entry.service).filter(|_| is_by_host) {
            if !services.contains(&service) {
                services.push(service);
            }
        }
        let of_service = |service| {
            let has = |entry: &&&RouteEntry| entry.service.is_none_or(|other| other == service);
            Ok((service, paths(table.iter().filter(has).copied())?))
        };
        Ok(Self {
            of_services: services.into_iter().map(of_service).collect::<Result<_, _>>()?,
            of_any_host: paths(table.iter().copied())?,
        })
    }

    /// Finds the route of a request, and tells the request of it.
    pub(super) fn find(&self, request: &ServiceRequest) {
        let named = host_of(request.head()).and_then(Service::of_host);
        let of_service = self.of_services.iter().find(|(service, _)| named == Some(*service));
        let paths = of_service.map_or(&self.of_any_host, |(_, paths)| paths);
        let Ok(found) = paths.at(request.match_info().as_str()) else { return };
        let entries = found.value;
        let mut extensions = request.extensions_mut();
        match entries.iter().copied().find(|entry| entry.method == request.method()) {
            Some(entry) => drop(extensions.insert(entry)),
            None => drop(extensions.insert(Allowed::of(entries))),
        }
    }
}

impl Allowed {
    fn of(entries: &[&RouteEntry]) -> Self {
        let methods: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
        Self(methods.join(", "))
    }
}

fn paths(entries: impl Iterator<Item = &'static RouteEntry>) -> Result<Paths, InsertError> {
    let mut methods: BTreeMap<&str, Vec<&'static RouteEntry>> = BTreeMap::new();
    for entry in entries {
        methods.entry(&entry.path).or_default().push(entry);
    }
    let mut paths = Paths::new();
    for (path, entries) in methods {
        paths.insert(path, entries)?;
    }
    Ok(paths)
}

/// Serves a request by the route that it has found.
pub(super) async fn serve(request: ServiceRequest) -> Result<ServiceResponse, Error> {
    static REFUSED: LazyLock<Handler> = LazyLock::new(|| route(refuse));
    let (request, payload) = request.into_parts();
    let handler = RouteEntry::of(&request).map_or(&*REFUSED, |entry| &entry.handler);
    let answer = guarded(handler, request.clone(), payload).await;
    Ok(ServiceResponse::new(request, answer.unwrap_or_else(HttpResponse::from_error)))
}

async fn refuse(request: HttpRequest, _body: Bytes) -> Response {
    let allowed = request.extensions_mut().remove::<Allowed>();
    Err(allowed.map_or(ApiError::UnknownRoute, |Allowed(allowed)| ApiError::MethodNotAllowed { allowed }))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HOST;
    use actix_web::test::TestRequest;

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
    fn every_route_is_found_by_a_path_that_looks_like_it() {
        for is_by_host in [false, true] {
            let router = Router::new(RouteSet::Everything, is_by_host).unwrap();
            for entry in table() {
                let label = entry.service.filter(|_| is_by_host).map_or("none", |service| service.label());
                let request = TestRequest::with_uri(&entry.path.replace(['{', '}'], "-"));
                let request = request.method(entry.method.clone());
                let request = request.insert_header((HOST, format!("{label}.example.test"))).to_srv_request();
                router.find(&request);
                let found =
                    RouteEntry::of(request.request()).map(|found| (found.operation.name, &found.path));
                assert_eq!(found, Some((entry.operation.name, &entry.path)));
            }
        }
    }
}
