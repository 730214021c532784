//! The emitter of libyaml behind safe calls: it decides quoting, folding and indentation.
#![expect(unsafe_code, reason = "libyaml's interface is C's; this file and events.rs are the only ones that touch it")]

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use libyaml_rs::{
    YAML_ANY_SCALAR_STYLE, YAML_BLOCK_MAPPING_STYLE, YAML_BLOCK_SEQUENCE_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE,
    YAML_FLOW_MAPPING_STYLE, YAML_FLOW_SEQUENCE_STYLE, YAML_FOLDED_SCALAR_STYLE, YAML_LITERAL_SCALAR_STYLE,
    YAML_PLAIN_SCALAR_STYLE, YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_UTF8_ENCODING, yaml_document_end_event_initialize,
    yaml_document_start_event_initialize, yaml_emitter_delete, yaml_emitter_emit, yaml_emitter_flush,
    yaml_emitter_initialize, yaml_emitter_set_canonical, yaml_emitter_set_indent, yaml_emitter_set_output,
    yaml_emitter_set_unicode, yaml_emitter_set_width, yaml_emitter_t, yaml_event_t, yaml_mapping_end_event_initialize,
    yaml_mapping_start_event_initialize, yaml_scalar_event_initialize, yaml_sequence_end_event_initialize,
    yaml_sequence_start_event_initialize, yaml_stream_end_event_initialize, yaml_stream_start_event_initialize,
};

use crate::node::Style;

/// libyaml refused an event. The tree written is always well formed, so this means a text it cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmitError(pub(crate) String);

/// An emitter that collects its output.
pub(crate) struct Emitter {
    raw: *mut yaml_emitter_t,
    out: *mut Vec<u8>,
}

/// A scalar to write.
pub(crate) struct Written<'a> {
    /// The full tag; left out of the output where the flags say that it is implied.
    pub(crate) tag: &'a CStr,
    pub(crate) text: &'a str,
    /// The tag is implied when the text is written plain.
    pub(crate) plain_implicit: bool,
    /// The tag is implied when the text is quoted.
    pub(crate) quoted_implicit: bool,
    /// `None` lets libyaml choose.
    pub(crate) style: Option<Style>,
}

/// # Safety
/// `data` must be the vector given to `yaml_emitter_set_output`, and `buffer` hold `size` bytes.
unsafe fn append(data: *mut c_void, buffer: *mut u8, size: u64) -> i32 {
    // SAFETY: promised by the caller, which is libyaml with the pointers it was given.
    unsafe { (*data.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(buffer, size as usize)) };
    1
}

impl Emitter {
    /// `indent` outside 2 to 9 and a `width` too small for it mean libyaml's defaults, 2 and 80.
    pub(crate) fn new(indent: Option<i32>, width: Option<i32>, unicode: bool, canonical: bool) -> Self {
        let raw = Box::into_raw(Box::new(MaybeUninit::<yaml_emitter_t>::uninit())).cast::<yaml_emitter_t>();
        let out = Box::into_raw(Box::<Vec<u8>>::default());
        // SAFETY: both pointers stay valid and in place until `drop`; initialising fills the emitter.
        unsafe {
            let _ = yaml_emitter_initialize(raw);
            yaml_emitter_set_output(raw, append, out.cast());
            if let Some(indent) = indent {
                yaml_emitter_set_indent(raw, indent);
            }
            if let Some(width) = width {
                yaml_emitter_set_width(raw, width);
            }
            yaml_emitter_set_unicode(raw, unicode);
            yaml_emitter_set_canonical(raw, canonical);
        }
        Self { raw, out }
    }

    /// Fills an event and emits it.
    fn emit(&mut self, fill: impl FnOnce(*mut yaml_event_t) -> bool) -> Result<(), EmitError> {
        let mut event = MaybeUninit::<yaml_event_t>::uninit();
        // SAFETY: `fill` initialises the event or reports failure; emitting takes ownership of it in either outcome.
        let failed = !fill(event.as_mut_ptr()) || unsafe { yaml_emitter_emit(self.raw, event.as_mut_ptr()) }.fail;
        if !failed {
            return Ok(());
        }
        // SAFETY: the emitter is initialised; the message is null or a static string.
        let problem = unsafe {
            let emitter = &*self.raw;
            let problem = emitter.problem;
            (!problem.is_null()).then(|| CStr::from_ptr(problem.cast()).to_string_lossy().into_owned())
        };
        Err(EmitError(problem.unwrap_or_else(|| "text cannot be written as YAML".to_owned())))
    }

    pub(crate) fn start_stream(&mut self) -> Result<(), EmitError> {
        // SAFETY: the event is writable memory.
        self.emit(|event| unsafe { yaml_stream_start_event_initialize(event, YAML_UTF8_ENCODING) }.ok)
    }

    pub(crate) fn end_stream(&mut self) -> Result<(), EmitError> {
        // SAFETY: as above.
        self.emit(|event| unsafe { yaml_stream_end_event_initialize(event) }.ok)
    }

    pub(crate) fn start_document(&mut self, explicit: bool) -> Result<(), EmitError> {
        let none = ptr::null_mut();
        // SAFETY: as above; no version and no tag directives.
        self.emit(|event| unsafe {
            yaml_document_start_event_initialize(event, none, ptr::null_mut(), ptr::null_mut(), !explicit).ok
        })
    }

    pub(crate) fn end_document(&mut self, explicit: bool) -> Result<(), EmitError> {
        // SAFETY: as above.
        self.emit(|event| unsafe { yaml_document_end_event_initialize(event, !explicit) }.ok)
    }

    pub(crate) fn scalar(&mut self, scalar: &Written<'_>) -> Result<(), EmitError> {
        let style = match scalar.style {
            None => YAML_ANY_SCALAR_STYLE,
            Some(Style::Plain) => YAML_PLAIN_SCALAR_STYLE,
            Some(Style::SingleQuoted) => YAML_SINGLE_QUOTED_SCALAR_STYLE,
            Some(Style::DoubleQuoted) => YAML_DOUBLE_QUOTED_SCALAR_STYLE,
            Some(Style::Literal) => YAML_LITERAL_SCALAR_STYLE,
            Some(Style::Folded) => YAML_FOLDED_SCALAR_STYLE,
        };
        let length = i32::try_from(scalar.text.len()).map_err(|_| EmitError("text is too long".to_owned()))?;
        // SAFETY: the tag ends in NUL and the text has `length` bytes; libyaml copies both.
        self.emit(|event| unsafe {
            yaml_scalar_event_initialize(
                event,
                ptr::null(),
                scalar.tag.as_ptr().cast(),
                scalar.text.as_ptr(),
                length,
                scalar.plain_implicit,
                scalar.quoted_implicit,
                style,
            )
            .ok
        })
    }

    pub(crate) fn start_sequence(&mut self, flow: bool) -> Result<(), EmitError> {
        let style = if flow { YAML_FLOW_SEQUENCE_STYLE } else { YAML_BLOCK_SEQUENCE_STYLE };
        // SAFETY: as above; no anchor.
        self.emit(
            |event| unsafe { yaml_sequence_start_event_initialize(event, ptr::null(), c"tag:yaml.org,2002:seq".as_ptr().cast(), true, style) }.ok,
        )
    }

    pub(crate) fn end_sequence(&mut self) -> Result<(), EmitError> {
        // SAFETY: as above.
        self.emit(|event| unsafe { yaml_sequence_end_event_initialize(event) }.ok)
    }

    pub(crate) fn start_mapping(&mut self, flow: bool) -> Result<(), EmitError> {
        let style = if flow { YAML_FLOW_MAPPING_STYLE } else { YAML_BLOCK_MAPPING_STYLE };
        // SAFETY: as above; no anchor.
        self.emit(
            |event| unsafe { yaml_mapping_start_event_initialize(event, ptr::null(), c"tag:yaml.org,2002:map".as_ptr().cast(), true, style) }.ok,
        )
    }

    pub(crate) fn end_mapping(&mut self) -> Result<(), EmitError> {
        // SAFETY: as above.
        self.emit(|event| unsafe { yaml_mapping_end_event_initialize(event) }.ok)
    }

    /// What was written so far.
    pub(crate) fn finish(self) -> String {
        // SAFETY: emitter and output are alive until `drop`, and nobody else uses them.
        unsafe {
            let _ = yaml_emitter_flush(self.raw);
            String::from_utf8_lossy(&*self.out).into_owned()
        }
    }
}

impl Drop for Emitter {
    fn drop(&mut self) {
        // SAFETY: both pointers came from boxes of these layouts; nothing uses them after this.
        unsafe {
            yaml_emitter_delete(self.raw);
            drop(Box::from_raw(self.raw.cast::<MaybeUninit<yaml_emitter_t>>()));
            drop(Box::from_raw(self.out));
        }
    }
}
