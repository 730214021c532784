//! Splitting and quoting as a POSIX shell does.

/// Words of a text: quotes and backslashes as Python's `shlex.split` treats them. An unfinished quote ends at the end.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => word.get_or_insert_default().extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => match chars.next() {
                            Some(next @ ('"' | '\\')) => word.push(next),
                            Some(next) => word.extend(['\\', next]),
                            None => word.push('\\'),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// One word for `sh`: in single quotes unless it needs none.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from(if n < 10 { b'0' + n } else { b'a' + n - 10 });
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn splits_as_shlex() {
        // Recorded from Python's shlex.split.
        let cases: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("  -o  A=b ", &["-o", "A=b"]),
            (r#"-o ProxyCommand="ssh -W %h:%p jump""#, &["-o", "ProxyCommand=ssh -W %h:%p jump"]),
            (r"a\ b 'c d'e", &["a b", "c de"]),
            (r#""a\"b\\c\d""#, &[r#"a"b\c\d"#]),
            ("'' \"\"", &["", ""]),
            ("'a\\b'", &["a\\b"]),
        ];
        for (text, want) in cases {
            assert_eq!(split(text), want, "{text}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_small() {
        assert_eq!(hex(&[0, 9, 10, 255]), "00090aff");
    }

    proptest! {
        #[test]
        fn a_quoted_word_is_one_word(word in any::<String>()) {
            prop_assert_eq!(split(&quote(&word)), vec![word]);
        }
    }
}
