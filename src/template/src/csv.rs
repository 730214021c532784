//! CSV as Python's `csv` module reads it.

/// How a text is read.
pub(crate) struct Format {
    /// What stands between cells.
    pub(crate) delimiter: char,
    /// Whether blanks after a delimiter are dropped.
    pub(crate) skip_blanks: bool,
    /// Whether something behind a closing quote is an error.
    pub(crate) strict: bool,
}

/// Rows and cells; quotes hold delimiters and newlines, a doubled quote is one. An empty line is a row without cells.
pub(crate) fn rows(text: &str, format: &Format) -> Result<Vec<Vec<String>>, String> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut cell = String::new();
    // Whether a cell was begun, even one that is empty so far.
    let mut begun = false;
    let mut quoted = false;
    let mut closed = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            match c {
                '"' if chars.next_if_eq(&'"').is_some() => cell.push('"'),
                '"' => (quoted, closed) = (false, true),
                c => cell.push(c),
            }
            continue;
        }
        match c {
            '\r' | '\n' => {
                if c == '\r' {
                    chars.next_if_eq(&'\n');
                }
                if begun || !row.is_empty() {
                    row.push(std::mem::take(&mut cell));
                }
                rows.push(std::mem::take(&mut row));
                (begun, closed) = (false, false);
            }
            c if c == format.delimiter => {
                row.push(std::mem::take(&mut cell));
                (begun, closed) = (true, false);
                while format.skip_blanks && chars.next_if_eq(&' ').is_some() {}
            }
            _ if closed && format.strict => return Err(format!("'{}' expected after '\"'", format.delimiter)),
            '"' if cell.is_empty() && !closed => (quoted, begun) = (true, true),
            ' ' if format.skip_blanks && !begun && cell.is_empty() => {}
            c => {
                cell.push(c);
                begun = true;
            }
        }
    }
    if quoted && format.strict {
        return Err("unexpected end of data".to_owned());
    }
    if begun || !row.is_empty() || !cell.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Vec<String>> {
        rows(text, &Format { delimiter: ',', skip_blanks: false, strict: false }).unwrap()
    }

    #[test]
    fn quotes_hold_delimiters_and_newlines() {
        assert_eq!(read("a,\"b,\"\"c\"\"\"\nd,e"), [vec!["a", "b,\"c\""], vec!["d", "e"]]);
        assert_eq!(read("\"x\ny\",\r\n\n,"), [vec!["x\ny", ""], vec![], vec!["", ""]]);
    }

    #[test]
    fn strict_formats_say_what_is_wrong() {
        let strict = Format { delimiter: ';', skip_blanks: true, strict: true };
        assert_eq!(rows("a; \"b\"", &strict).unwrap(), [["a", "b"]]);
        assert_eq!(rows("\"a\"b", &strict).unwrap_err(), "';' expected after '\"'");
    }
}
