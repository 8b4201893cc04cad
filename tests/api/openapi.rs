//! `/_emulator/openapi.json` and `/_emulator/docs`: what can be called, for programs and for people (issue 5, OpenAPI).

use std::collections::BTreeSet;

use dcs_emulator::http::routes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::support::seed::{HA, PROJECT, backups_path};
use crate::support::{Covered, TestServer, covered, each, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/_emulator/openapi.json", the_document_and_the_routes_are_the_same),
    covered("GET", "/_emulator/docs", the_page_needs_nothing_but_this_server),
];

/// The document of a server.
struct Document(Value);

/// An operation of the document.
struct Described<'d> {
    method: String,
    path: &'d str,
    operation: &'d Value,
}

impl Document {
    async fn of(server: &TestServer) -> Self {
        Self(server.get("/_emulator/openapi.json").await.ok())
    }

    fn operations(&self) -> Vec<Described<'_>> {
        let paths = self.0["paths"].as_object().expect("there are paths");
        paths
            .iter()
            .flat_map(|(path, item)| {
                let item = item.as_object().expect("a path has methods");
                let operations = item.iter().filter(|(member, _)| *member != "servers");
                operations.map(move |(method, operation)| Described {
                    method: method.to_uppercase(),
                    path,
                    operation,
                })
            })
            .collect()
    }

    /// Returns what a schema says; a reference says what it leads to.
    fn follow<'d>(&'d self, schema: &'d Value) -> &'d Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("references stay in the document");
                self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
            }
            None => schema,
        }
    }

    /// Returns the schema of what is answered, by status.
    fn schema_of(&self, method: &str, path: &str, status: &str) -> &Value {
        let operation = &self.0["paths"][path][method.to_lowercase()];
        let content = &operation["responses"][status]["content"]["application/json"];
        content.get("schema").unwrap_or_else(|| panic!("{method} {path} does not say what {status} has"))
    }

    /// Says where a value is not what a schema says, if anywhere. What the schema does not name is not in the value.
    fn misfit(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = self.follow(schema);
        if let Some(variants) = schema["oneOf"].as_array() {
            let fits = variants.iter().any(|variant| self.misfit(variant, value, at).is_none());
            return (!fits).then(|| format!("{at} is {value}, which is none of {variants:?}"));
        }
        let kinds = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let is_of_kind = kinds.contains(&kind) || (kind == "integer" && kinds.contains(&"number"));
        if !kinds.is_empty() && !is_of_kind {
            return Some(format!("{at} is {value}, not {kinds:?}"));
        }
        match value {
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.find_map(|(number, item)| {
                    self.misfit(&schema["items"], item, &format!("{at}[{number}]"))
                })
            }
            Value::Object(members) => self.misfit_in_object(schema, members, at),
            _ => None,
        }
    }

    fn misfit_in_object(&self, schema: &Value, members: &Map<String, Value>, at: &str) -> Option<String> {
        let flattened = schema["allOf"].as_array().into_iter().flatten().map(|part| self.follow(part));
        let parts: Vec<&Value> = std::iter::once(schema).chain(flattened).collect();
        let is_said = parts.iter().any(|part| part["properties"].is_object());
        let mut required = parts.iter().flat_map(|part| part["required"].as_array().into_iter().flatten());
        if let Some(missing) = required.find(|name| !members.contains_key(name.as_str().expect("a name"))) {
            return Some(format!("{at} has no {missing}"));
        }
        members.iter().find_map(|(name, member)| {
            match parts.iter().find_map(|part| part["properties"].get(name)) {
                Some(schema) => self.misfit(schema, member, &format!("{at}.{name}")),
                None => is_said.then(|| format!("{at}.{name} is not described")),
            }
        })
    }
}

#[tokio::test]
async fn the_document_and_the_routes_are_the_same() {
    let server = TestServer::start().await;
    let document = Document::of(&server).await;
    let described: BTreeSet<_> =
        document.operations().iter().map(|one| (one.method.clone(), one.path.to_owned())).collect();
    let routes: BTreeSet<_> =
        routes::table().iter().map(|route| (route.method.to_string(), route.path.clone())).collect();
    assert_eq!(described, routes);
}

#[tokio::test]
async fn the_document_keeps_the_rules_of_openapi() {
    let server = TestServer::start().await;
    let document = Document::of(&server).await;
    assert!(document.0["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    assert_eq!(document.0["servers"][0]["url"], format!("http://{}", server.address()));
    let tags: BTreeSet<_> = document.0["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| &tag["name"])
        .map(Value::to_string)
        .collect();
    let mut ids = BTreeSet::new();
    for Described { method, path, operation } in document.operations() {
        let id = operation["operationId"].as_str().expect("an operation has an id");
        assert!(ids.insert(id), "{id} is the id of two operations");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{id}");
        assert!(tags.contains(&operation["tags"][0].to_string()), "{id} stands under no heading");
        assert!(operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()), "{id}");
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let declared: BTreeSet<_> = in_path
            .map(|parameter| {
                assert_eq!(parameter["required"], true, "{method} {path}: {parameter}");
                parameter["name"].as_str().expect("a parameter has a name")
            })
            .collect();
        let named: BTreeSet<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, named, "{method} {path}");
    }
    let mut shapes = BTreeSet::new();
    for path in document.0["paths"].as_object().expect("paths").keys() {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        assert!(shapes.insert(parts.collect::<Vec<_>>().join("/")), "{path} is another path as well");
    }
    check_every_part(&document, &document.0);
}

/// Makes sure that every reference leads somewhere, and that descriptions are for people who do not know the code.
fn check_every_part(document: &Document, value: &Value) {
    document.follow(value);
    let about = value["description"].as_str();
    assert!(about.is_none_or(|about| !about.is_empty() && !about.contains("[`")), "{value}");
    match value {
        Value::Array(items) => items.iter().for_each(|item| check_every_part(document, item)),
        Value::Object(members) => {
            members.values().for_each(|member| check_every_part(document, member));
        }
        _ => {}
    }
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let server = TestServer::start().await;
    let document = Document::of(&server).await;
    server.create_backup(HA).await;
    let fault =
        json!({"match": {"operation": "create_backup"}, "effect": {"latency": {"min": "1ms", "max": "2ms"}}});
    for version in ["v1.0", "v2"] {
        for path in [
            "/{project_id}/instances",
            "/{project_id}/instances/{instance_id}",
            "/{project_id}/instances/{instance_id}/backups",
            "/{project_id}/instances/{instance_id}/restores",
            "/{project_id}/instances/{instance_id}/configs",
            "/{project_id}/instances/{instance_id}/tags",
            "/{project_id}/instance/{instance_id}/groups",
        ] {
            check(&server, &document, "GET", &format!("/{version}{path}"), None).await;
        }
    }
    for path in [
        "/v1.0/products",
        "/v1.0/availableZones",
        "/v1.0/instances/maintain-windows",
        "/v2/{project_id}/flavors",
        "/v2/{project_id}/instances/{instance_id}/logical-nodes",
        "/v2/{project_id}/instances/{instance_id}/nodes",
        "/v2/{project_id}/instances/{instance_id}/bigkey/autoscan",
        "/v2/{project_id}/instance/{instance_id}/whitelist",
        "/_emulator/clock",
        "/_emulator/faults",
        "/_emulator/requests",
        "/_emulator/ids",
    ] {
        check(&server, &document, "GET", path, None).await;
    }
    for (method, path, body) in [
        ("POST", "/_emulator/faults", fault),
        ("POST", "/_emulator/clock/advance", json!({"duration": "1h"})),
        (
            "PUT",
            "/_emulator/transitions/{model}",
            json!({"progression": "time", "durations": {"running": "5s"}}),
        ),
        ("POST", "/_emulator/requests/count", json!({})),
    ] {
        check(&server, &document, method, path, Some(&body)).await;
    }
    let refused = server.get(&backups_path("x")).await.json();
    let error = document.schema_of("GET", "/v1.0/{project_id}/instances/{instance_id}/backups", "default");
    assert_eq!(document.misfit(error, &refused, "error"), None);
}

/// Makes a call and holds the answer against what the document says of it.
async fn check(server: &TestServer, document: &Document, method: &str, path: &str, body: Option<&Value>) {
    let filled =
        path.replace("{project_id}", PROJECT).replace("{instance_id}", HA).replace("{model}", "backup");
    let call = server.call(method, &filled);
    let answer = if let Some(body) = body { call.json(body) } else { call }.send().await;
    let schema = document.schema_of(method, path, &answer.status.to_string());
    assert_eq!(document.misfit(schema, &answer.ok(), "answer"), None, "{method} {path}");
}

/// Returns values of a parameter that its schema does not permit.
fn forbidden(schema: &Value) -> Vec<String> {
    let beyond = |bound: &str, by: i64| schema[bound].as_i64().map(|bound| (bound + by).to_string());
    let no_number = (schema["type"] == "integer").then(|| "x".to_owned());
    let no_word = schema["enum"].is_array().then(|| "none-of-them".to_owned());
    [beyond("minimum", -1), beyond("maximum", 1), no_number, no_word].into_iter().flatten().collect()
}

/// What a parameter that must be there is given where another one is tried.
fn permitted(parameter: &Value) -> String {
    let word = parameter["schema"]["enum"][0].as_str().unwrap_or("1");
    format!("{}={word}", text(&parameter["name"]))
}

#[tokio::test]
async fn what_the_document_forbids_is_refused() {
    let server = TestServer::start().await;
    let document = Document::of(&server).await;
    let mut tried = BTreeSet::new();
    for Described { method, path, operation } in document.operations() {
        if !path.starts_with("/v1.0/") && !path.starts_with("/v2/") {
            continue;
        }
        let parts = path.split('/').map(|part| match part {
            "{project_id}" => PROJECT,
            _ if part.starts_with('{') => HA,
            _ => part,
        });
        let filled = parts.collect::<Vec<_>>().join("/");
        let none = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&none);
        let query: Vec<&Value> = parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
        for parameter in &query {
            let others = query.iter().filter(|other| other["required"] == true && other != &parameter);
            let others: Vec<String> = others.map(|other| permitted(other)).collect();
            for value in forbidden(&parameter["schema"]) {
                let name = text(&parameter["name"]);
                let call = format!("{filled}?{name}={value}&{}", others.join("&"));
                let answer = server.call(&method, &call).send().await;
                assert_eq!(answer.status, 400, "{method} {call}: {}", answer.text());
                tried.insert(name);
            }
        }
        let body = document.follow(&operation["requestBody"]["content"]["application/json"]["schema"]);
        if body["required"].as_array().is_some_and(|required| !required.is_empty()) {
            let answer = server.call(&method, &filled).json(&json!({})).send().await;
            assert_eq!(answer.status, 400, "{method} {filled}: {}", answer.text());
            tried.insert("body".to_owned());
        }
    }
    for name in ["start", "offset", "limit", "status", "type", "body"] {
        assert!(tried.contains(name), "no operation bounds its {name}");
    }
}

#[tokio::test]
async fn the_page_needs_nothing_but_this_server() {
    let server = TestServer::start().await;
    let answer = server.get("/_emulator/docs").await;
    let page = answer.text();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for elsewhere in ["://", "src=", "@import", "<link rel=\"stylesheet\""] {
        assert!(!page.contains(elsewhere), "it asks others: {elsewhere}");
    }
    let policy = answer.header("content-security-policy").expect("it says what it may do");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    for (directive, element) in [("script-src", "script"), ("style-src", "style")] {
        let (_, rest) = page.split_once(&format!("<{element}>")).expect("one element");
        let (content, rest) = rest.split_once(&format!("</{element}>")).expect("its end");
        assert!(!rest.contains(&format!("<{element}")), "there is but one");
        let hash = base64(&Sha256::digest(content));
        assert!(
            policy.contains(&format!("{directive} 'sha256-{hash}'")),
            "{directive} has to be sha256-{hash}"
        );
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * place) & 63]);
            text.push(if place > three.len() { '=' } else { letter });
        }
    }
    text
}

#[tokio::test]
async fn what_a_call_takes_beside_its_body_is_described() {
    let server = TestServer::start().await;
    let document = Document::of(&server).await;
    let taken = |method: &str, path: &str| {
        let pointer = format!("/paths/{}/{method}/parameters", path.replace('/', "~1"));
        let parameters = document.0.pointer(&pointer).unwrap_or_else(|| panic!("{method} {path}"));
        let names = each(parameters, "name");
        names.iter().map(text).filter(|name| !name.ends_with("_id")).collect::<Vec<_>>()
    };
    let tasks = ["/v2/{project_id}/instances/{instance_id}/tasks", "/v2/{project_id}/tasks"];
    for path in tasks {
        assert_eq!(taken("get", path), ["offset", "limit", "start_time", "end_time"], "{path}");
    }
    for path in ["backups", "restores"] {
        let path = format!("/v2/{{project_id}}/instances/{{instance_id}}/{path}");
        assert_eq!(taken("get", &path), ["offset", "limit", "begin_time", "end_time"], "{path}");
        assert_eq!(taken("post", &path), ["X-Emulator-Id"], "{path}");
    }
    for path in ["/v1.0/{project_id}/instances", "/v2/{project_id}/config-templates"] {
        assert_eq!(taken("post", path), ["X-Emulator-Id"], "{path}");
    }
}

#[tokio::test]
async fn each_part_is_said_where_it_is() {
    let server = TestServer::with(&[("control.listen", "127.0.0.1:0")]).await;
    let document = server.control_call("GET", "/_emulator/openapi.json").send().await.ok();
    let api = json!([{"url": format!("http://{}", server.address())}]);
    assert_eq!(document["servers"], api);
    let control = &document["paths"]["/_emulator/clock"]["servers"];
    assert!(control.is_array() && *control != api, "{control}");
    assert_eq!(document["paths"]["/v2"].get("servers"), None);
}

#[tokio::test]
async fn what_can_be_called_is_no_secret() {
    let server = TestServer::with(&[("control.token", "hush"), ("auth", "strict")]).await;
    server.get("/_emulator/openapi.json").await.ok();
    assert_eq!(server.get("/_emulator/docs").await.status, 200);
}
