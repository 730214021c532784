//! XML as lxml reads and writes it, and XPath 1.0, for the module `xml`.
//!
//! Own code: what a file keeps (comments, CDATA, the document type, blanks) and how it is written must be libxml2's to
//! the byte, which no crate's tree does. Start at [`tree`].

mod parse;
pub(crate) mod tree;
pub(crate) mod write;
pub(crate) mod xpath;

pub(crate) use tree::{Document, Id};
