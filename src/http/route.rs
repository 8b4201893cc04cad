//! Routes: operations with their methods, paths, handlers and documentation. Each resource has one list of them beside its
//! handlers, such as `api/backups/mod.rs`.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::domain::identity::Action;
use crate::domain::service::Service;
use crate::engine::ApiVersion;
use crate::http::error::Response;

pub(super) const GET: Method = Method::GET;
pub(super) const HEAD: Method = Method::HEAD;
pub(super) const POST: Method = Method::POST;
pub(super) const PUT: Method = Method::PUT;
pub(super) const PATCH: Method = Method::PATCH;
pub(super) const DELETE: Method = Method::DELETE;

/// Something a client can ask for, whichever version of the API it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The stable name, which metrics, logs and faults use.
    pub name: &'static str,
    /// The action that the caller must be permitted in the project; none for operations outside of projects.
    pub action: Option<Action>,
}

/// Returns an operation that needs the permission to read.
pub(super) const fn reading(name: &'static str, action: &'static str) -> Operation {
    Operation { action: Some(Action { name: action, writes: false }), ..open(name) }
}

/// Returns an operation that needs the permission to write.
pub(super) const fn writing(name: &'static str, action: &'static str) -> Operation {
    Operation { action: Some(Action { name: action, writes: true }), ..open(name) }
}

/// Returns an operation that needs no permission.
pub(super) const fn open(name: &'static str) -> Operation {
    Operation { name, action: None }
}

impl Operation {
    /// Starts its entry in a list, with a summary.
    pub(super) fn summary(self, summary: &'static str) -> Endpoint {
        Endpoint { operation: self, routes: Vec::new(), docs: Docs { summary, ..Docs::default() } }
    }
}

/// Serves the requests of a route.
#[derive(Clone)]
pub(super) struct Handler(Arc<dyn Fn(HttpRequest) -> LocalBoxFuture<'static, Response> + Send + Sync>);

impl Handler {
    /// Wraps a function that serves a request.
    ///
    /// Handlers are told apart at run time only: one copy of all that is around them is enough for two hundred.
    pub(super) fn new<F>(serve: impl Fn(HttpRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + 'static,
    {
        Self(Arc::new(move |request| serve(request).boxed_local()))
    }

    /// Serves a request.
    pub(super) fn serve(&self, request: HttpRequest) -> LocalBoxFuture<'static, Response> {
        (self.0)(request)
    }
}

/// One method on one path.
#[derive(Clone)]
pub struct RouteEntry {
    /// What is asked for.
    pub operation: Operation,
    /// The version of the API that is spoken; none for what belongs to no version.
    pub api: Option<ApiVersion>,
    /// The method.
    pub method: Method,
    /// The path, with placeholders in braces.
    pub path: String,
    /// Whether it belongs to the control API.
    pub is_control: bool,
    /// The service whose hosts have it; none for what every host has.
    pub service: Option<&'static Service>,
    /// The heading in the documentation.
    pub(super) tag: Tag,
    pub(super) docs: Arc<Docs>,
    pub(super) handler: Handler,
}

/// A heading in the documentation, for one resource.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
}

impl Tag {
    /// Returns the routes of endpoints under this heading.
    pub(super) fn routes(self, endpoints: impl IntoIterator<Item = Endpoint>) -> Vec<RouteEntry> {
        endpoints.into_iter().flat_map(|endpoint| endpoint.entries(self, false)).collect()
    }

    /// Returns the routes of endpoints of the control API under this heading.
    pub(super) fn control_routes(self, endpoints: impl IntoIterator<Item = Endpoint>) -> Vec<RouteEntry> {
        endpoints.into_iter().flat_map(|endpoint| endpoint.entries(self, true)).collect()
    }
}

/// Gives a service the routes that belong to no other.
pub(super) fn of_service(service: &'static Service, mut routes: Vec<RouteEntry>) -> Vec<RouteEntry> {
    for route in &mut routes {
        route.service.get_or_insert(service);
    }
    routes
}

impl RouteEntry {
    /// Returns the route that a request has found.
    pub(super) fn of(request: &HttpRequest) -> Option<&'static Self> {
        request.extensions().get::<&'static Self>().copied()
    }
}

/// Returns the parts of the path that the route names, with their names.
pub(super) fn path_parts(request: &HttpRequest) -> impl Iterator<Item = (&'static str, &str)> {
    let path = RouteEntry::of(request).map(|entry| entry.path.as_str()).unwrap_or_default();
    let parts = path.split('/').zip(request.match_info().as_str().split('/'));
    parts.filter_map(|(name, part)| Some((name.strip_prefix('{')?.strip_suffix('}')?, part)))
}

/// Returns the part of the path that the route names `name`; nothing if the route has none.
pub(super) fn path_part<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    path_parts(request).find(|(named, _)| *named == name).map(|(_, part)| part)
}

/// Returns the version of the API that a request speaks. Requests of no version are answered as v1.0 does, whose errors every
/// client reads.
pub(super) fn api_of(request: &HttpRequest) -> ApiVersion {
    let route = RouteEntry::of(request);
    route.and_then(|route| route.api).unwrap_or_else(|| match request.path().split('/').nth(1) {
        Some("v2") => ApiVersion::V2,
        _ => ApiVersion::V1,
    })
}

/// An operation with some of its routes, which share their documentation.
pub(super) struct Endpoint {
    operation: Operation,
    routes: Vec<(Method, Option<ApiVersion>, String, Handler)>,
    docs: Docs,
}

/// The documentation of a route.
#[derive(Default)]
pub(super) struct Docs {
    pub(super) summary: &'static str,
    pub(super) query: Vec<QueryParameter>,
    pub(super) accepts_id: bool,
    pub(super) body: Option<Content>,
    pub(super) answer: Option<(u16, Content)>,
    pub(super) may_answer_nothing: bool,
}

impl Endpoint {
    /// Adds a route of v1.0; the path is that behind the project.
    pub(super) fn v1(self, method: Method, path: &str, handler: Handler) -> Self {
        self.version(ApiVersion::V1, method, path, handler)
    }

    /// Adds a route of v2; the path is that behind the project.
    pub(super) fn v2(self, method: Method, path: &str, handler: Handler) -> Self {
        self.version(ApiVersion::V2, method, path, handler)
    }

    /// Adds a route of each version; the path is that behind the project.
    pub(super) fn both(self, method: Method, path: &str, handler: Handler) -> Self {
        self.v1(method.clone(), path, handler.clone()).v2(method, path, handler)
    }

    /// Adds a route outside of projects, by its whole path.
    pub(super) fn at(mut self, method: Method, path: &str, handler: Handler) -> Self {
        let api = path.split('/').nth(1).and_then(ApiVersion::parse);
        self.routes.push((method, api, path.to_owned(), handler));
        self
    }

    fn version(self, api: ApiVersion, method: Method, path: &str, handler: Handler) -> Self {
        self.at(method, &format!("/{}/{{project_id}}{path}", api.as_str()), handler)
    }

    /// Documents parameters behind the path.
    pub(super) fn query(mut self, parameters: &[QueryParameter]) -> Self {
        self.docs.query.extend_from_slice(parameters);
        self
    }

    /// Documents that the caller may choose the id of what is created.
    pub(super) fn accepts_id(mut self) -> Self {
        self.docs.accepts_id = true;
        self
    }

    /// Documents a JSON body.
    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        self.docs.body = Some(Content::json::<T>());
        self
    }

    /// Documents a body of a media type.
    pub(super) fn takes_any(mut self, media_type: &'static str) -> Self {
        self.docs.body = Some(Content::Any(media_type));
        self
    }

    /// Documents an answer 200 with a JSON body.
    pub(super) fn answers<T: ToSchema>(self) -> Self {
        self.answer(200, Content::json::<T>())
    }

    /// Documents an answer with a body of a media type.
    pub(super) fn answers_any(self, status: u16, media_type: &'static str) -> Self {
        self.answer(status, Content::Any(media_type))
    }

    /// Documents an answer 200 without a body.
    pub(super) fn answers_empty(self) -> Self {
        self.answer(200, Content::Nothing)
    }

    /// Documents an answer 204.
    pub(super) fn answers_nothing(self) -> Self {
        self.answer(204, Content::Nothing)
    }

    /// Documents that the answer may also be 204.
    pub(super) fn may_answer_nothing(mut self) -> Self {
        self.docs.may_answer_nothing = true;
        self
    }

    fn answer(mut self, status: u16, content: Content) -> Self {
        self.docs.answer = Some((status, content));
        self
    }

    fn entries(self, tag: Tag, is_control: bool) -> impl Iterator<Item = RouteEntry> {
        let (operation, docs) = (self.operation, Arc::new(self.docs));
        self.routes.into_iter().map(move |(method, api, path, handler)| RouteEntry {
            operation,
            api,
            method,
            path,
            is_control,
            service: None,
            tag,
            docs: docs.clone(),
            handler,
        })
    }
}

/// A parameter behind the path.
#[derive(Clone, Copy)]
pub(super) struct QueryParameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) is_required: bool,
    kind: fn() -> Type,
    least: Option<u16>,
    most: Option<u16>,
    words: &'static [&'static str],
}

impl QueryParameter {
    /// It must be there.
    pub(super) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// It is not less.
    pub(super) const fn from(self, least: u16) -> Self {
        Self { least: Some(least), ..self }
    }

    /// It is not more.
    pub(super) const fn up_to(self, most: u16) -> Self {
        Self { most: Some(most), ..self }
    }

    /// It is one of these; anything else is refused.
    pub(super) const fn one_of(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    pub(super) fn schema(&self) -> Schema {
        let words = (!self.words.is_empty()).then_some(self.words);
        let schema = ObjectBuilder::new().schema_type(SchemaType::new((self.kind)()));
        schema
            .minimum(self.least)
            .maximum(self.most)
            .enum_values(words.map(|words| words.iter().copied()))
            .into()
    }
}

const fn parameter(name: &'static str, about: &'static str, kind: fn() -> Type) -> QueryParameter {
    QueryParameter { name, about, is_required: false, kind, least: None, most: None, words: &[] }
}

/// Describes a parameter that is a text.
pub(super) const fn text(name: &'static str, about: &'static str) -> QueryParameter {
    parameter(name, about, || Type::String)
}

/// Describes a parameter that is a whole number.
pub(super) const fn number(name: &'static str, about: &'static str) -> QueryParameter {
    parameter(name, about, || Type::Integer)
}

/// Describes a parameter that is `true` or `false`.
pub(super) const fn flag(name: &'static str, about: &'static str) -> QueryParameter {
    parameter(name, about, || Type::Boolean)
}

pub(super) fn of_type(kind: Type) -> Schema {
    ObjectBuilder::new().schema_type(SchemaType::new(kind)).into()
}

/// A body.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// JSON of a type.
    Json {
        /// The name of its schema.
        name: fn() -> Cow<'static, str>,
        /// Adds its schema and those that it names.
        schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
    },
    /// Anything of a media type.
    Any(&'static str),
    /// There is none.
    Nothing,
}

impl Content {
    pub(super) fn json<T: ToSchema>() -> Self {
        Self::Json {
            name: T::name,
            schemas: |schemas| {
                schemas.push((T::name().into_owned(), T::schema()));
                T::schemas(schemas);
            },
        }
    }

    /// Returns its schema and those that it names, each with its name.
    pub(super) fn schemas(self) -> Vec<(String, RefOr<Schema>)> {
        let mut named = Vec::new();
        if let Self::Json { schemas, .. } = self {
            schemas(&mut named);
        }
        named
    }

    /// Returns its media type and a schema of it.
    pub(super) fn shape(self) -> Option<(&'static str, RefOr<Schema>)> {
        match self {
            Self::Json { name, .. } => Some(("application/json", Ref::from_schema_name(name()).into())),
            Self::Any("application/json") => {
                let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
                Some(("application/json", Schema::from(anything).into()))
            }
            Self::Any(media_type) => Some((media_type, of_type(Type::String).into())),
            Self::Nothing => None,
        }
    }
}
