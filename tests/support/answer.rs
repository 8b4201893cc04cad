//! A request to be sent, and its answer.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::api::Api;
use super::coverage;
use super::refusal::Refusal;

/// A request to be sent.
pub(crate) struct Call {
    builder: RequestBuilder,
    method: String,
    path: String,
}

impl Call {
    pub(super) fn new(builder: RequestBuilder, method: &str, path: &str) -> Self {
        Self { builder, method: method.to_owned(), path: path.to_owned() }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Sends a JSON body, labelled as such.
    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.builder = self.builder.json(body);
        self
    }

    /// Sends these bytes, without saying what they are.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.builder = self.builder.body(body.into());
        self
    }

    /// Sends the request and checks what every answer must have.
    pub(crate) async fn send(self) -> Answer {
        let response = self.builder.send().await.expect("every request is answered");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("every answer is complete").to_vec();
        let code = serde_json::from_slice::<Value>(&body).ok().filter(|_| status >= 400);
        let code = code.and_then(|body| body["error_code"].as_str().map(str::to_owned));
        coverage::record(&self.method, &self.path, status, code);
        Answer::checked(status, headers, body)
    }
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body's bytes.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Takes an answer and checks what every answer must have.
    pub(super) fn checked(status: u16, headers: HeaderMap, body: Vec<u8>) -> Self {
        let answer = Self { status, headers, body };
        let request_id = answer.request_id();
        assert!(request_id.len() == 32 && super::is_lower_hex(request_id), "X-Request-Id: {request_id:?}");
        assert_eq!(
            answer.header("x-openstack-request-id"),
            Some(request_id),
            "both request ids are the same"
        );
        let content_type = answer.header("content-type");
        let is_plain_text = content_type.is_some_and(|kind| kind.starts_with("text/plain"));
        let is_file = matches!(
            content_type,
            Some(
                "application/octet-stream"
                    | "application/pem-certificate-chain"
                    | "application/vnd.sqlite3"
                    | "text/csv"
            )
        );
        let is_page = content_type == Some("text/html; charset=utf-8");
        let is_no_json = is_plain_text || is_file || is_page;
        assert!(
            answer.body.is_empty() || is_no_json || content_type == Some("application/json"),
            "Content-Type {content_type:?} of {answer:?}"
        );
        assert!(!is_no_json || status == 200, "errors are JSON: {answer:?}");
        answer
    }

    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are ASCII"))
    }

    /// Returns the value of `X-Request-Id`.
    pub(crate) fn request_id(&self) -> &str {
        self.header("x-request-id").expect("every answer has X-Request-Id")
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("bodies are UTF-8")
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// Returns the body as JSON, after a look that the status is 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// Makes sure that it says that it was done, and nothing else.
    #[track_caller]
    pub(crate) fn assert_no_content(&self) {
        assert_eq!((self.status, self.text()), (204, ""));
    }

    /// Makes sure that it is this error, with nothing else in its body.
    #[track_caller]
    pub(crate) fn assert_refused(&self, refusal: &Refusal) {
        assert_eq!((self.status, self.json()), (refusal.status, refusal.v1_body()));
    }

    /// Makes sure that it is this error in the shape of a version of the API, with nothing else in its body.
    #[track_caller]
    pub(crate) fn assert_refused_by(&self, api: Api, refusal: &Refusal) {
        let body = match api {
            Api::V1 => refusal.v1_body(),
            Api::V2 => refusal.v2_body(),
        };
        assert_eq!((self.status, self.json()), (refusal.status, body), "{api:?}");
    }
}
