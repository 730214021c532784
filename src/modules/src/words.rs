//! Command lines split into words as Python's `shlex.split` does, and words quoted for a shell.

/// The words of a command line.
pub fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("No escaped character")?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("No closing quotation")? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("No closing quotation")? {
                        '"' => break,
                        '\\' => match chars.next().ok_or("No closing quotation")? {
                            c @ ('"' | '\\') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// A word as a POSIX shell reads it back, quoted only where needed (Python's `shlex.quote`).
pub fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_words_survive_quoting_and_splitting(words in proptest::collection::vec(any::<String>(), 0..4)) {
            let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(split(&line).unwrap(), words);
        }

        #[test]
        fn any_line_is_split_or_refused(line in any::<String>()) {
            let _ = split(&line);
        }
    }

    #[test]
    fn lines_split_as_python_splits_them() {
        assert_eq!(split("a 'b c' \"d\\\"e\\n\" f\\ g ''").unwrap(), ["a", "b c", "d\"e\\n", "f g", ""]);
        assert_eq!(split("a#b  c").unwrap(), ["a#b", "c"]);
        assert_eq!(split("a 'b"), Err("No closing quotation"));
        assert_eq!(split("a\\"), Err("No escaped character"));
    }

    #[test]
    fn quoting_survives_splitting() {
        for word in ["", "a b", "it's", "$x`y`", "plain"] {
            assert_eq!(split(&quote(word)).unwrap(), [word]);
        }
    }
}
