//! What can be wrong with a document.

use rplay_diag::{Diagnose, Diagnostic, Span};

use crate::mistake::Mistake;

/// A text that is not the YAML it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The text breaks YAML's grammar.
    #[error("{}", syntax(problem, context.as_ref().map(|(c, _)| c.as_str()), mistake.as_ref()))]
    Syntax {
        /// libyaml's words.
        problem: String,
        /// Where.
        span: Span,
        /// What was being read, and where that started.
        context: Option<(String, Span)>,
        /// The usual mistake that leads here, when it is one.
        mistake: Option<Mistake>,
    },
    /// A character that no YAML text may hold, such as a control character.
    #[error("{problem}")]
    Character {
        /// libyaml's words, naming the character.
        problem: String,
        /// Where.
        span: Span,
    },
    /// A tag nobody knows.
    #[error("unknown tag `{tag}`")]
    UnknownTag {
        /// The tag as written.
        tag: String,
        /// One with a similar name.
        nearest: Option<String>,
        /// The node it stands at.
        span: Span,
    },
    /// `*name` without `&name` before it.
    #[error("found undefined alias '{name}'")]
    UnknownAlias {
        /// The alias.
        name: String,
        /// An anchor with a similar name.
        nearest: Option<String>,
        /// Where.
        span: Span,
    },
    /// `*name` inside the node `&name` stands at.
    #[error("alias '{name}' refers to what it is part of")]
    RecursiveAlias {
        /// The alias.
        name: String,
        /// Where.
        span: Span,
    },
    /// A list or mapping as a mapping's key.
    #[error("{}", mistake.as_ref().map_or("found unhashable key: a list or mapping cannot be a key", Mistake::message))]
    UnhashableKey {
        /// The key.
        span: Span,
        /// The usual mistake that leads here, when it is one.
        mistake: Option<Mistake>,
    },
    /// `<<` with something else than a mapping or list of mappings.
    #[error("expected a mapping or list of mappings for merging, but found a {found}")]
    Merge {
        /// What was found.
        found: &'static str,
        /// Where.
        span: Span,
    },
    /// `<<` or `=` where a value belongs.
    #[error("`{text}` means something else than text here")]
    Indicator {
        /// `<<` or `=`.
        text: String,
        /// Where.
        span: Span,
    },
    /// A scalar that does not have the form its type needs.
    #[error("`{text}` is not a valid {type_name}: {reason}")]
    Scalar {
        /// The characters.
        text: String,
        /// What they should be.
        type_name: &'static str,
        /// Why they are not.
        reason: &'static str,
        /// Where.
        span: Span,
    },
    /// `!vault` on something that is not text.
    #[error("the '!vault' tag requires a string value")]
    VaultType {
        /// Where.
        span: Span,
    },
    /// An item of `!!omap` or `!!pairs` that is not one key and value.
    #[error("expected a mapping with a single entry")]
    Pairs {
        /// The item.
        span: Span,
    },
    /// A second document where one is allowed.
    #[error("expected a single document in the stream but found another document")]
    MultipleDocuments {
        /// Where the second one starts.
        span: Span,
    },
    /// Nesting beyond what anybody writes.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
        /// Where it is exceeded.
        span: Span,
    },
}

fn syntax(problem: &str, context: Option<&str>, mistake: Option<&Mistake>) -> String {
    match (mistake, context) {
        (Some(mistake), _) => mistake.message().to_owned(),
        (None, Some(context)) => format!("{context} {problem}"),
        (None, None) => problem.to_owned(),
    }
}

impl YamlError {
    /// The place the error is about.
    pub fn span(&self) -> Span {
        match self {
            Self::Syntax { span, .. }
            | Self::Character { span, .. }
            | Self::UnknownTag { span, .. }
            | Self::UnknownAlias { span, .. }
            | Self::RecursiveAlias { span, .. }
            | Self::UnhashableKey { span, .. }
            | Self::Merge { span, .. }
            | Self::Indicator { span, .. }
            | Self::Scalar { span, .. }
            | Self::VaultType { span }
            | Self::Pairs { span }
            | Self::MultipleDocuments { span }
            | Self::TooDeep { span, .. } => *span,
        }
    }
}

impl Diagnose for YamlError {
    fn diagnostic(&self) -> Diagnostic {
        let found = Diagnostic::error(format!("YAML parsing failed: {self}"));
        match self {
            Self::Syntax { problem, span, context, mistake: None } => {
                found.at(*span, problem.as_str()).context(context.as_ref().map(|(_, span)| *span), "started here")
            }
            Self::Syntax { problem, span, mistake: Some(mistake), .. } => {
                found.at(*span, "").note(format!("the parser says: {problem}")).hint(mistake.hint())
            }
            Self::UnhashableKey { span, mistake } => {
                let hint = mistake.as_ref().map_or("keys are texts, numbers, booleans or null", Mistake::hint);
                found.at(*span, "").hint(hint)
            }
            Self::UnknownTag { span, nearest, .. } | Self::UnknownAlias { span, nearest, .. } => {
                found.at(*span, "").hint_maybe(nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?")))
            }
            Self::Indicator { span, text } => found.at(*span, "").hint(format!("write \"{text}\" if it is text")),
            Self::Character { span, .. } => found.at(*span, "").hint("write it as an escape in a double-quoted text"),
            Self::MultipleDocuments { span } => found.at(*span, "the second document starts here"),
            other => found.at(other.span(), ""),
        }
    }
}
