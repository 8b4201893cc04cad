//! A stub: what it answers, and the handler that serves all of them.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::ContentType;
use serde_json::Value;

use crate::domain::instance::Instance;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, InstanceRef};
use crate::http::api::versions::{PAGE_QUERY, page_request};
use crate::http::context::{InstanceContext, ProjectContext, RequestContext, Target, endpoint};
use crate::http::error::codes::{self, ErrorCode};
use crate::http::error::{ApiError, OrFail, Response};
use crate::http::route::{Emulation, Endpoint, Operation, QueryParameter, reading, text, writing};

/// A row of the table.
pub(super) struct Row {
    /// What is asked for.
    pub(super) operation: Operation,
    /// The method.
    pub(super) method: Method,
    /// The path behind the version, with placeholders in braces.
    pub(super) path: &'static str,
    /// What it does, in a few words.
    pub(super) about: &'static str,
    /// Parameters of the query that must be there.
    pub(super) needs: &'static [&'static str],
    /// What is answered.
    pub(super) reply: Reply,
}

/// What a row answers.
pub(super) enum Reply {
    /// Always this JSON document, but for the id of the instance in it.
    Always(&'static str),
    /// What follows from the instance.
    OfInstance(fn(&Asked) -> Value),
    /// That what the path names is not there: nothing makes one.
    Unknown(&'static ErrorCode),
    /// The same, where the tables have no code for it: that a parameter, this one, is wrong.
    UnknownParameter(&'static str),
    /// That it is not emulated.
    NotEmulated,
}

/// What an answer follows from.
pub(super) struct Asked<'a> {
    pub(super) instance: &'a Instance,
    pub(super) now: Timestamp,
    pub(super) context: &'a RequestContext,
}

impl Row {
    /// Returns the row of an operation that only reads.
    pub(super) const fn reads(
        name: &'static str,
        method: Method,
        path: &'static str,
        about: &'static str,
        reply: Reply,
    ) -> Self {
        Self::reads_given(&[], name, method, path, about, reply)
    }

    /// Returns the row of an operation that only reads, with parameters that must be there.
    pub(super) const fn reads_given(
        needs: &'static [&'static str],
        name: &'static str,
        method: Method,
        path: &'static str,
        about: &'static str,
        reply: Reply,
    ) -> Self {
        Self {
            operation: reading(name, "dcs:instance:get").emulated(Emulation::ReadOnly),
            method,
            path,
            about,
            needs,
            reply,
        }
    }

    /// Returns the row of an operation that is refused.
    pub(super) const fn refused(
        name: &'static str,
        method: Method,
        path: &'static str,
        about: &'static str,
    ) -> Self {
        let operation = writing(name, "dcs:instance:modify").emulated(Emulation::None);
        Self { operation, method, path, about, needs: &[], reply: Reply::NotEmulated }
    }
}

impl Row {
    /// Returns the route.
    pub(super) fn endpoint(&'static self) -> Endpoint {
        let mut needs: Vec<QueryParameter> =
            self.needs.iter().map(|name| text(name, "").required()).collect();
        if self.lists() {
            needs.extend(PAGE_QUERY);
        }
        let route = endpoint(move |engine, context| self.serve(engine, context));
        let endpoint =
            self.operation.summary(self.about).v2(self.method.clone(), self.path, route).query(&needs);
        match self.reply {
            Reply::Always(_) | Reply::OfInstance(_) => endpoint.answers_any(200, "application/json"),
            Reply::Unknown(_) | Reply::UnknownParameter(_) | Reply::NotEmulated => endpoint.always_refused(),
        }
    }

    /// Serves a call. Callers who may not ask, or ask about an unknown instance, learn that first, as everywhere.
    async fn serve(&self, engine: Engine, context: ProjectContext) -> Response {
        if self.path.contains("{instance_id}") {
            let InstanceContext { context, instance } =
                InstanceContext::read(context.project_id, context.context)?;
            return self.answer_about(engine, context, instance).await;
        }
        self.require(&context.context)?;
        self.answer(None)
    }

    /// Answers a call about an instance.
    async fn answer_about(&self, engine: Engine, context: RequestContext, instance: InstanceRef) -> Response {
        let (instance, now) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
        self.require(&context)?;
        self.answer(Some(&Asked { instance: &instance, now, context: &context }))
    }

    /// Returns whether it answers with a list, of which a page can be asked for.
    fn lists(&self) -> bool {
        self.method == Method::GET && matches!(self.reply, Reply::Always(_))
    }

    /// Makes sure that the parameters are there that must be, and that the page is one.
    fn require(&self, context: &RequestContext) -> Result<(), ApiError> {
        match self.needs.iter().find(|name| context.query.get(name).is_none()) {
            Some(name) => return Err(ApiError::MissingQuery { name }),
            None => {}
        }
        if self.lists() {
            page_request(&context.query)?;
        }
        Ok(())
    }

    fn answer(&self, asked: Option<&Asked>) -> Response {
        match (&self.reply, asked) {
            (Reply::Always(document), Some(asked)) => {
                Ok(json(document.replace("{instance_id}", &asked.instance.id.to_string())))
            }
            (Reply::Always(document), None) => Ok(json((*document).to_owned())),
            (Reply::OfInstance(derive), Some(asked)) => Ok(HttpResponse::Ok().json(derive(asked))),
            (Reply::OfInstance(_), None) => Err(ApiError::UnknownRoute),
            (Reply::Unknown(code), _) => Err(ApiError::Unknown { code }),
            (Reply::UnknownParameter(name), _) => Err(Refusal::InvalidParameter { name }.into()),
            (Reply::NotEmulated, _) => Err(ApiError::NotEmulated { what: self.about }),
        }
    }
}

fn json(document: String) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document)
}
