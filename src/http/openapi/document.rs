//! The document: the table of routes, with what is said of each route, as OpenAPI 3.1.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required,
    ResponseBuilder, Schema, Server,
};

use crate::domain::service::ENTERPRISE_PROJECTS;
use crate::engine::ApiVersion;
use crate::http::error::{V1Body, V2Body};
use crate::http::extract::EMULATOR_ID;
use crate::http::route::{Content, RouteEntry, Tag, of_type};

/// The ways to say who calls.
const TOKEN: &str = "token";
const SIGNATURE: &str = "signature";
const CONTROL_TOKEN: &str = "controlToken";

/// Describes `routes`: at `api`, and at `control`, where the control API is elsewhere.
pub(super) fn document(routes: &[RouteEntry], api: &str, control: Option<&str>) -> OpenApi {
    let mut paths: BTreeMap<&str, PathItem> = BTreeMap::new();
    let mut tags: Vec<Tag> = Vec::new();
    let mut components = Components::new();
    let mut ids = BTreeSet::new();
    for route in routes {
        let id = unused_id(route, &mut ids);
        let docs = &route.docs;
        let contents = docs.body.into_iter().chain(docs.answer.map(|(_, content)| content));
        contents.for_each(|content| add(&mut components, content));
        if !tags.contains(&route.tag) {
            tags.push(route.tag);
        }
        let mut item = PathItem::new(method(&route.method), operation(route, id));
        item.servers = control.filter(|_| route.is_control).map(|url| vec![Server::new(url)]);
        match paths.get_mut(route.path.as_str()) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.insert(&route.path, item);
            }
        }
    }
    add(&mut components, Content::json::<V1Body>());
    add(&mut components, Content::json::<V2Body>());
    add_securities(&mut components);
    let paths = paths.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
    let tags = tags.iter().map(|tag| TagBuilder::new().name(tag.name).description(Some(tag.about)).build());
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("dcs-emulator").version(env!("CARGO_PKG_VERSION")).description(Some(
            "The Distributed Cache Service, emulated, and the API that controls the emulator.",
        )))
        .servers(Some([Server::new(api)]))
        .tags(Some(tags))
        .paths(paths.build())
        .components(Some(components))
        .build()
}

/// Adds the schemas of a body, unless they are there.
fn add(components: &mut Components, content: Content) {
    let schemas = content.schemas();
    if schemas.first().is_some_and(|(name, _)| !components.schemas.contains_key(name)) {
        components.schemas.extend(schemas);
    }
}

fn add_securities(components: &mut Components) {
    let key = |header: &str, about: &str| ApiKeyValue::with_description(header, about);
    for (name, key) in [
        (TOKEN, key("X-Auth-Token", "A token of the identity service.")),
        (SIGNATURE, key("Authorization", "A signature by an access key, SDK-HMAC-SHA256.")),
        (CONTROL_TOKEN, key("X-Emulator-Token", "The control token, where one is set.")),
    ] {
        components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

fn operation(route: &RouteEntry, id: String) -> Operation {
    let docs = &route.docs;
    let builder = OperationBuilder::new()
        .operation_id(Some(id))
        .tag(route.tag.name)
        .summary(Some(docs.summary))
        .description(remarks(route))
        .securities(Some(securities(route)))
        .response("default", error(route));
    let builder =
        placeholders(&route.path).fold(builder, |builder, name| builder.parameter(path_parameter(name)));
    let mut builder = docs.query.iter().fold(builder, |builder, parameter| {
        builder.parameter(
            ParameterBuilder::new()
                .name(parameter.name)
                .parameter_in(ParameterIn::Query)
                .required(if parameter.is_required { Required::True } else { Required::False })
                .description(unless_empty(parameter.about))
                .schema(Some(parameter.schema())),
        )
    });
    if docs.accepts_id {
        builder = builder.parameter(chosen_id());
    }
    if let Some((media_type, shape)) = docs.body.and_then(Content::shape) {
        let content = ContentBuilder::new().schema(Some(shape)).build();
        builder = builder.request_body(Some(RequestBodyBuilder::new().content(media_type, content).build()));
    }
    if let Some((status, content)) = docs.answer {
        let mut response = ResponseBuilder::new().description(meaning(status));
        if let Some((media_type, shape)) = content.shape().filter(|_| route.method != Method::HEAD) {
            response = response.content(media_type, ContentBuilder::new().schema(Some(shape)).build());
        }
        builder = builder.response(status.to_string(), response);
    }
    if docs.may_answer_nothing {
        builder = builder.response("204", ResponseBuilder::new().description(meaning(204)));
    }
    builder.build()
}

/// What is to be known of an operation beside what it does.
fn remarks(route: &RouteEntry) -> Option<String> {
    route.operation.action.map(|action| format!("Takes the permission `{}`.", action.name))
}

fn meaning(status: u16) -> &'static str {
    match status {
        201 => "It has been made.",
        204 => "It is done; there is no body.",
        300 => "There are several.",
        _ => "It is done.",
    }
}

/// The body of an error, in the shape of the version that the route speaks.
fn error(route: &RouteEntry) -> ResponseBuilder {
    let name = match route.api {
        Some(ApiVersion::V2) => V2Body::name(),
        Some(ApiVersion::V1) | None => V1Body::name(),
    };
    let content = ContentBuilder::new().schema(Some(RefOr::<Schema>::from(Ref::from_schema_name(name))));
    let response = ResponseBuilder::new().description("It is refused, or went wrong.");
    // The identity service, the object store and enterprise projects have errors of their own.
    let is_of_api = route.api.is_some() && route.service != Some(ENTERPRISE_PROJECTS);
    if is_of_api || route.is_control {
        response.content("application/json", content.build())
    } else {
        response
    }
}

/// Nobody has to say who calls, unless the emulator is told to be strict.
fn securities(route: &RouteEntry) -> Vec<SecurityRequirement> {
    let by = |name: &str| SecurityRequirement::new(name, [] as [&str; 0]);
    match route.api {
        Some(_) => vec![SecurityRequirement::default(), by(TOKEN), by(SIGNATURE)],
        None if route.is_control => {
            vec![SecurityRequirement::default(), by(CONTROL_TOKEN)]
        }
        None => Vec::new(),
    }
}

/// Returns the name of a route: the operation's and the version's, or, where there is no version, the method's; and as much of
/// the path as tells it from others.
fn unused_id(route: &RouteEntry, used: &mut BTreeSet<String>) -> String {
    let end = match route.api {
        Some(ApiVersion::V1) => "v1".to_owned(),
        Some(ApiVersion::V2) => "v2".to_owned(),
        None => route.method.as_str().to_lowercase(),
    };
    let mut id = format!("{}_{end}", route.operation.name);
    let words = route.path.split(|character: char| !character.is_ascii_alphanumeric());
    let mut words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    while used.contains(&id) {
        id = format!("{id}_{}", words.pop().unwrap_or("again"));
    }
    used.insert(id.clone());
    id
}

fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn unless_empty(about: &str) -> Option<&str> {
    Some(about).filter(|about| !about.is_empty())
}

fn path_parameter(name: &str) -> Parameter {
    let uuid = || text_of(Some("uuid"), None);
    let (about, schema) = match name {
        "project_id" => ("The project.", text_of(None, Some("^[0-9a-fA-F]{32}$"))),
        "instance_id" => ("The instance.", uuid()),
        "backup_id" => ("The backup.", uuid()),
        "model" => ("What goes through states: backup, restore, instance.", of_type(Type::String)),
        _ => ("", of_type(Type::String)),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(unless_empty(about))
        .schema(Some(schema))
        .build()
}

fn text_of(format: Option<&str>, pattern: Option<&str>) -> Schema {
    let format = format.map(|format| SchemaFormat::Custom(format.to_owned()));
    ObjectBuilder::new().schema_type(Type::String).format(format).pattern(pattern).into()
}

fn chosen_id() -> Parameter {
    ParameterBuilder::new()
        .name(EMULATOR_ID)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The id that what is made is to have; goes with the control token, where one is set.",
        ))
        .schema(Some(text_of(Some("uuid"), None)))
        .build()
}

fn method(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        "PATCH" => HttpMethod::Patch,
        "HEAD" => HttpMethod::Head,
        "OPTIONS" => HttpMethod::Options,
        _ => HttpMethod::Get,
    }
}
