//! Words of a line as a POSIX shell splits them, by the rules of Python's `shlex` with comments.

use std::ops::Range;

/// Why a line cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShlexError {
    /// A quote is never closed.
    #[error("No closing quotation")]
    OpenQuote,
    /// A backslash ends the line.
    #[error("No escaped character")]
    OpenEscape,
}

/// A word without its quotes, and where it stood in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) range: Range<usize>,
}

/// Splits one line. A `#` outside quotes ends it, even inside a word, as in Python.
pub(crate) fn split(line: &str) -> Result<Vec<Word>, ShlexError> {
    let mut words = Vec::new();
    let mut chars = line.char_indices().peekable();
    while let Some(&(start, c)) = chars.peek() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                chars.next();
                continue;
            }
            '#' => break,
            _ => {}
        }
        let mut text = String::new();
        let mut end = line.len();
        let mut comment = false;
        while let Some((at, c)) = chars.next() {
            match c {
                ' ' | '\t' | '\r' | '\n' => {
                    end = at;
                    break;
                }
                '#' => {
                    (end, comment) = (at, true);
                    break;
                }
                '\\' => text.push(chars.next().ok_or(ShlexError::OpenEscape)?.1),
                '\'' => loop {
                    match chars.next().ok_or(ShlexError::OpenQuote)?.1 {
                        '\'' => break,
                        c => text.push(c),
                    }
                },
                '"' => loop {
                    match chars.next().ok_or(ShlexError::OpenQuote)?.1 {
                        '"' => break,
                        '\\' => match chars.next().ok_or(ShlexError::OpenEscape)?.1 {
                            c @ ('"' | '\\') => text.push(c),
                            c => text.extend(['\\', c]),
                        },
                        c => text.push(c),
                    }
                },
                c => text.push(c),
            }
        }
        words.push(Word { text, range: start..end });
        if comment {
            break;
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|w| w.text).collect()
    }

    /// Expected values recorded from `shlex.split(line, comments=True)` of Python 3.11.
    #[test]
    fn words_are_pythons() {
        assert_eq!(words("a b='c d' # e"), ["a", "b=c d"]);
        assert_eq!(words("a#b c"), ["a"]);
        assert_eq!(words("a=\"x \\\" y\\n\" b\\ c"), ["a=x \" y\\n", "b c"]);
        assert_eq!(words("a='' ''"), ["a=", ""]);
        assert_eq!(words("x=\"{'a': 'b'}\""), ["x={'a': 'b'}"]);
        assert_eq!(split("a 'b"), Err(ShlexError::OpenQuote));
        assert_eq!(split("a \\"), Err(ShlexError::OpenEscape));
    }
}
