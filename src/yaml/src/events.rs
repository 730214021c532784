//! The parser of libyaml as a safe iterator of events.
#![expect(unsafe_code, reason = "libyaml's interface is C's; this file and emitter.rs are the only ones that touch it")]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::Arc;

use libyaml_rs::{
    YAML_ALIAS_EVENT, YAML_DOCUMENT_END_EVENT, YAML_DOCUMENT_START_EVENT, YAML_DOUBLE_QUOTED_SCALAR_STYLE,
    YAML_FOLDED_SCALAR_STYLE, YAML_LITERAL_SCALAR_STYLE, YAML_MAPPING_END_EVENT, YAML_MAPPING_START_EVENT,
    YAML_READER_ERROR, YAML_SCALAR_EVENT, YAML_SEQUENCE_END_EVENT, YAML_SEQUENCE_START_EVENT,
    YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_STREAM_START_EVENT, YAML_UTF8_ENCODING, yaml_event_delete, yaml_event_t,
    yaml_parser_delete, yaml_parser_initialize, yaml_parser_parse, yaml_parser_set_encoding,
    yaml_parser_set_input_string, yaml_parser_t,
};

use crate::node::Style;

/// One event with the bytes it spans: unlike C's libyaml, the translation counts bytes.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    /// Offset of the first byte.
    pub(crate) start: usize,
    /// Offset after the last byte.
    pub(crate) end: usize,
}

#[derive(Debug)]
pub(crate) enum EventKind {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(String),
    Scalar(ScalarEvent),
    SequenceStart { anchor: Option<String>, tag: Option<String> },
    SequenceEnd,
    MappingStart { anchor: Option<String>, tag: Option<String> },
    MappingEnd,
}

#[derive(Debug)]
pub(crate) struct ScalarEvent {
    pub(crate) anchor: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) value: Arc<str>,
    /// Written so that its characters decide its type.
    pub(crate) plain_implicit: bool,
    pub(crate) style: Style,
}

/// Text libyaml refuses. Places are byte offsets.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) problem: String,
    pub(crate) at: usize,
    /// The problem is a character that may not appear at all.
    pub(crate) reader: bool,
    pub(crate) context: Option<(String, usize)>,
}

/// A parser over one text.
pub(crate) struct Parser<'a> {
    raw: *mut yaml_parser_t,
    done: bool,
    text: PhantomData<&'a str>,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let raw = Box::into_raw(Box::new(MaybeUninit::<yaml_parser_t>::uninit())).cast::<yaml_parser_t>();
        // SAFETY: `raw` points to writable memory of the right size that stays in place until `drop`, because the
        // parser keeps a pointer to itself. Initialising fills it; it only fails when memory is exhausted, which aborts.
        unsafe {
            let _ = yaml_parser_initialize(raw);
            yaml_parser_set_encoding(raw, YAML_UTF8_ENCODING);
            yaml_parser_set_input_string(raw, text.as_ptr(), text.len() as u64);
        }
        Self { raw, done: false, text: PhantomData }
    }

    fn refusal(&self) -> Refusal {
        let text = |pointer: *const i8| {
            if pointer.is_null() {
                return None;
            }
            // SAFETY: libyaml's messages are static strings ending in NUL.
            Some(unsafe { CStr::from_ptr(pointer.cast()) }.to_string_lossy().into_owned())
        };
        // SAFETY: `raw` was initialised in `new`, and these fields are always set.
        let parser = unsafe { &*self.raw };
        let problem = text(parser.problem).unwrap_or_else(|| "cannot be read".to_owned());
        if parser.error == YAML_READER_ERROR {
            let problem = match parser.problem_value {
                -1 => problem,
                value => format!("unacceptable character #x{value:04x}: {problem}"),
            };
            return Refusal { problem, at: parser.problem_offset as usize, reader: true, context: None };
        }
        let context = text(parser.context).map(|context| (context, parser.context_mark.index as usize));
        Refusal { problem, at: parser.problem_mark.index as usize, reader: false, context }
    }
}

impl Iterator for Parser<'_> {
    type Item = Result<Event, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let mut event = MaybeUninit::<yaml_event_t>::uninit();
        // SAFETY: the parser is initialised; on success the event is too.
        if unsafe { yaml_parser_parse(self.raw, event.as_mut_ptr()) }.fail {
            self.done = true;
            return Some(Err(self.refusal()));
        }
        // SAFETY: parsing succeeded, so the event is initialised. What it points to is copied before it is deleted.
        let event = unsafe {
            let mut event = event.assume_init();
            let copy = copy_event(&event);
            yaml_event_delete(&raw mut event);
            copy
        };
        self.done = matches!(event.kind, EventKind::StreamEnd);
        Some(Ok(event))
    }
}

/// # Safety
/// The event must be initialised and not deleted.
unsafe fn copy_event(event: &yaml_event_t) -> Event {
    // SAFETY: names are null or NUL-terminated; which member of the union is set follows from the type.
    let string = |pointer: *mut u8| {
        (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer.cast()) }.to_string_lossy().into_owned())
    };
    // SAFETY: as above.
    let kind = unsafe {
        match event.type_ {
            YAML_STREAM_START_EVENT => EventKind::StreamStart,
            YAML_DOCUMENT_START_EVENT => EventKind::DocumentStart,
            YAML_DOCUMENT_END_EVENT => EventKind::DocumentEnd,
            YAML_ALIAS_EVENT => EventKind::Alias(string(event.data.alias.anchor).unwrap_or_default()),
            YAML_SCALAR_EVENT => {
                let scalar = event.data.scalar;
                let bytes = if scalar.value.is_null() {
                    &[][..]
                } else {
                    std::slice::from_raw_parts(scalar.value, scalar.length as usize)
                };
                EventKind::Scalar(ScalarEvent {
                    anchor: string(scalar.anchor),
                    tag: string(scalar.tag),
                    value: String::from_utf8_lossy(bytes).into(),
                    plain_implicit: scalar.plain_implicit,
                    style: match scalar.style {
                        YAML_SINGLE_QUOTED_SCALAR_STYLE => Style::SingleQuoted,
                        YAML_DOUBLE_QUOTED_SCALAR_STYLE => Style::DoubleQuoted,
                        YAML_LITERAL_SCALAR_STYLE => Style::Literal,
                        YAML_FOLDED_SCALAR_STYLE => Style::Folded,
                        _ => Style::Plain,
                    },
                })
            }
            YAML_SEQUENCE_START_EVENT => {
                let start = event.data.sequence_start;
                EventKind::SequenceStart { anchor: string(start.anchor), tag: string(start.tag) }
            }
            YAML_SEQUENCE_END_EVENT => EventKind::SequenceEnd,
            YAML_MAPPING_START_EVENT => {
                let start = event.data.mapping_start;
                EventKind::MappingStart { anchor: string(start.anchor), tag: string(start.tag) }
            }
            YAML_MAPPING_END_EVENT => EventKind::MappingEnd,
            _ => EventKind::StreamEnd,
        }
    };
    Event { kind, start: event.start_mark.index as usize, end: event.end_mark.index as usize }
}

impl Drop for Parser<'_> {
    fn drop(&mut self) {
        // SAFETY: `raw` came from a box of this layout and was initialised; nothing uses it after this.
        unsafe {
            yaml_parser_delete(self.raw);
            drop(Box::from_raw(self.raw.cast::<MaybeUninit<yaml_parser_t>>()));
        }
    }
}
