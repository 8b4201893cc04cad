//! Why a seed cannot be used.

/// Why a seed cannot be used. Each says where: source, line and field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// A document is malformed, or a field has a value it cannot have.
    #[error("{source_name}:{line}:{column}: {field}: {problem}")]
    Invalid {
        /// The document.
        source_name: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// The path of the field.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// An entry cannot be, or not together with another.
    #[error("{source_name}{}: {field}: {problem}", line.map(|line| format!(":{line}")).unwrap_or_default())]
    Conflict {
        /// The document.
        source_name: String,
        /// The line of it, or of the later entry, from 1, if it can be told.
        line: Option<usize>,
        /// The path of the field.
        field: String,
        /// What is wrong, with its value where that helps.
        problem: String,
    },
}
