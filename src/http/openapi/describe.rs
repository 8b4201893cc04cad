//! How routes are described. Each file of handlers describes its own, beside them; what the table of routes knows is not said
//! again.

use std::borrow::Cow;

use actix_web::http::Method;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::engine::ApiVersion;
use crate::http::operation::Operation;
use crate::http::routes::RouteEntry;

/// Operations under one heading.
pub(in crate::http) struct Family {
    /// The heading.
    pub(in crate::http) name: &'static str,
    /// What they have in common.
    pub(in crate::http) about: &'static str,
    /// The operations.
    pub(in crate::http) operations: Vec<Description>,
}

/// What is said of an operation, or of some of its routes.
pub(in crate::http) struct Description {
    operation: &'static Operation,
    method: Option<Method>,
    api: Option<ApiVersion>,
    path: Option<&'static str>,
    pub(super) summary: &'static str,
    pub(super) query: Vec<QueryParameter>,
    pub(super) id_can_be_chosen: bool,
    pub(super) body: Option<Content>,
    pub(super) answer: Option<(u16, Content)>,
    pub(super) is_always_refused: bool,
}

/// Describes an operation in a line, which holds for all its routes unless [`Description::on`], [`Description::spoken_in`] or
/// [`Description::at`] say for which. Of several descriptions of a route the one that says the most of these holds.
pub(in crate::http) fn describe(operation: &'static Operation, summary: &'static str) -> Description {
    Description {
        operation,
        method: None,
        api: None,
        path: None,
        summary,
        query: Vec::new(),
        id_can_be_chosen: false,
        body: None,
        answer: None,
        is_always_refused: false,
    }
}

impl Description {
    /// It is about the routes with this method.
    pub(in crate::http) fn on(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    /// It is about the routes of this version of the API.
    pub(in crate::http) fn spoken_in(self, api: ApiVersion) -> Self {
        Self { api: Some(api), ..self }
    }

    /// It is about the routes whose path ends so.
    pub(in crate::http) fn at(self, path: &'static str) -> Self {
        Self { path: Some(path), ..self }
    }

    /// It takes these parameters behind the path.
    pub(in crate::http) fn query(mut self, parameters: &[QueryParameter]) -> Self {
        self.query.extend_from_slice(parameters);
        self
    }

    /// It makes something, whose id the caller can choose.
    pub(in crate::http) fn makes_what_has_an_id(self) -> Self {
        Self { id_can_be_chosen: true, ..self }
    }

    /// It takes a JSON body.
    pub(in crate::http) fn takes<T: ToSchema>(self) -> Self {
        Self { body: Some(Content::json::<T>()), ..self }
    }

    /// It takes a body of this kind, of which no more is said.
    pub(in crate::http) fn takes_any(self, media_type: &'static str) -> Self {
        Self { body: Some(Content::Any(media_type)), ..self }
    }

    /// It answers 200 with a JSON body.
    pub(in crate::http) fn answers<T: ToSchema>(self) -> Self {
        Self { answer: Some((200, Content::json::<T>())), ..self }
    }

    /// It answers so with a body of this kind, of which no more is said.
    pub(in crate::http) fn answers_any(self, status: u16, media_type: &'static str) -> Self {
        Self { answer: Some((status, Content::Any(media_type))), ..self }
    }

    /// It answers 200, without a body.
    pub(in crate::http) fn answers_empty(self) -> Self {
        Self { answer: Some((200, Content::Nothing)), ..self }
    }

    /// It answers 204, without a body.
    pub(in crate::http) fn answers_nothing(self) -> Self {
        Self { answer: Some((204, Content::Nothing)), ..self }
    }

    /// It is refused, whatever is asked.
    pub(in crate::http) fn always_refused(self) -> Self {
        Self { is_always_refused: true, ..self }
    }

    /// Returns whether it says what the operation does and what it answers.
    #[cfg(test)]
    pub(super) fn is_whole(&self) -> bool {
        !self.summary.is_empty() && self.answer.is_some() != self.is_always_refused
    }

    /// Returns its bodies.
    pub(super) fn contents(&self) -> impl Iterator<Item = Content> {
        self.body.into_iter().chain(self.answer.map(|(_, content)| content))
    }

    /// Returns how much it says of which routes it is about, if it is about this one.
    pub(super) fn fits(&self, route: &RouteEntry) -> Option<usize> {
        let fits = self.operation == route.operation
            && self.method.as_ref().is_none_or(|method| *method == route.method)
            && self.api.is_none_or(|api| route.api == Some(api))
            && self.path.is_none_or(|path| route.path.ends_with(path));
        let narrower =
            [self.method.is_some(), self.api.is_some(), self.path.is_some()].iter().filter(|is| **is).count();
        fits.then_some(narrower)
    }
}

/// A parameter behind the path.
#[derive(Clone, Copy)]
pub(in crate::http) struct QueryParameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) is_required: bool,
    kind: fn() -> Type,
}

impl QueryParameter {
    /// It must be there.
    pub(in crate::http) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub(super) fn schema(&self) -> Schema {
        of_type((self.kind)())
    }
}

/// Describes a parameter that is a text.
pub(in crate::http) const fn text(name: &'static str, about: &'static str) -> QueryParameter {
    QueryParameter { name, about, is_required: false, kind: || Type::String }
}

/// Describes a parameter that is a whole number.
pub(in crate::http) const fn number(name: &'static str, about: &'static str) -> QueryParameter {
    QueryParameter { name, about, is_required: false, kind: || Type::Integer }
}

/// Describes a parameter that is `true` or `false`.
pub(in crate::http) const fn flag(name: &'static str, about: &'static str) -> QueryParameter {
    QueryParameter { name, about, is_required: false, kind: || Type::Boolean }
}

pub(super) fn of_type(kind: Type) -> Schema {
    ObjectBuilder::new().schema_type(SchemaType::new(kind)).into()
}

/// A schema with its name.
pub(super) type Named = (String, RefOr<Schema>);

/// What a body is.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// JSON of a type.
    Json {
        /// The name of its schema.
        name: fn() -> Cow<'static, str>,
        /// Adds its schema and those that it names.
        schemas: fn(&mut Vec<Named>),
    },
    /// Anything of a media type.
    Any(&'static str),
    /// There is none.
    Nothing,
}

impl Content {
    pub(super) fn json<T: ToSchema>() -> Self {
        Self::Json { name: T::name, schemas: add::<T> }
    }

    /// Returns its schema, and those that it names.
    pub(super) fn schemas(self) -> Vec<Named> {
        let mut named = Vec::new();
        if let Self::Json { schemas, .. } = self {
            schemas(&mut named);
        }
        named
    }

    /// Returns the name of its schema, if it has one.
    pub(super) fn name(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Json { name, .. } => Some(name()),
            Self::Any(_) | Self::Nothing => None,
        }
    }

    /// Returns its media type and a schema of it.
    pub(super) fn shape(self) -> Option<(&'static str, RefOr<Schema>)> {
        match self {
            Self::Json { name, .. } => Some(("application/json", Ref::from_schema_name(name()).into())),
            Self::Any(media_type) => Some((media_type, anything(media_type).into())),
            Self::Nothing => None,
        }
    }
}

fn anything(media_type: &str) -> Schema {
    of_type(if media_type == "application/json" { Type::Object } else { Type::String })
}

fn add<T: ToSchema>(schemas: &mut Vec<Named>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}
