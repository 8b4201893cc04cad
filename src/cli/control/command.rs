//! What a subcommand is: the request that it makes, and what it takes for that.

/// A subcommand, and the request that it makes.
#[derive(Debug)]
pub(super) struct ControlCommand {
    /// What it is called: a word, or a group and a word.
    pub(super) words: &'static [&'static str],
    pub(super) method: &'static str,
    /// The path of the route, as the server's table has it.
    pub(super) path: &'static str,
    pub(super) about: &'static str,
    pub(super) inputs: &'static [Input],
    /// What the body begins as, in JSON; empty if only its inputs make one.
    pub(super) body: &'static str,
    /// Whether the answer is a document, which is shown as it is, or news.
    pub(super) is_document: bool,
    /// Which columns of a table are shown to people, and in which order; empty: all.
    pub(super) columns: &'static [&'static str],
}

impl ControlCommand {
    pub(super) const fn with_columns(self, columns: &'static [&'static str]) -> Self {
        Self { columns, ..self }
    }
}

/// Something that a subcommand takes.
#[derive(Debug)]
pub(super) struct Input {
    /// Its name on the command line.
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

/// How an input is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By its place; it has to be there.
    Argument,
    /// By its place; it may be left out.
    OptionalArgument,
    /// Behind its name.
    Option,
}

/// Where an input goes in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Instead of a placeholder in the path.
    Path(&'static str),
    /// A parameter of the query.
    Query(&'static str),
    /// A member of the body; dots lead into members of it.
    Member(&'static str),
    /// The body, to which other inputs add members.
    Body,
    /// The body is the content of the file of this name.
    File,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Boolean,
    Json,
    /// `NAME=TEXT`, repeatable: an object.
    Pairs,
    /// Its name alone, which stands for this.
    Switch(bool),
}

pub(super) const fn command(
    words: &'static [&'static str],
    method: &'static str,
    path: &'static str,
    about: &'static str,
    inputs: &'static [Input],
) -> ControlCommand {
    ControlCommand { words, method, path, about, inputs, body: "", is_document: false, columns: &[] }
}

pub(super) const fn argument(name: &'static str, place: Place, kind: Kind, help: &'static str) -> Input {
    Input { name, form: Form::Argument, place, kind, help }
}

pub(super) const fn option(name: &'static str, place: Place, kind: Kind, help: &'static str) -> Input {
    Input { name, form: Form::Option, place, kind, help }
}
