//! Python's pattern syntax, rewritten for fancy-regex.

use super::{Flags, PatternError};

/// A pattern in fancy-regex's syntax, and what else is known of it.
#[derive(Debug, Default)]
pub(super) struct Translated {
    /// The pattern in pieces: between two of them stands a `$` that may match before a last newline.
    pieces: Vec<String>,
    /// Whether there is such a `$`.
    pub(super) soft_end: bool,
    /// How many groups there are.
    pub(super) groups: usize,
    /// Named groups and their numbers.
    pub(super) names: Vec<(String, usize)>,
}

impl Translated {
    /// The pattern for texts that end, or do not end, with a newline: `$` without look-ahead runs much faster.
    pub(super) fn text(&self, newline_at_end: bool) -> String {
        self.pieces.join(if newline_at_end { r"(?=\n?\z)" } else { r"\z" })
    }
}

struct Group {
    /// Character position of its `(`.
    position: usize,
    /// Flags to go back to at its `)`.
    flags: Flags,
    /// Its number when it captures.
    number: Option<usize>,
}

/// What the part just written is, for a quantifier that may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Anchor,
    Item,
    Repeat,
}

struct Translator {
    chars: Vec<char>,
    at: usize,
    flags: Flags,
    out: String,
    done: Translated,
    open: Vec<Group>,
    last: Last,
}

pub(super) fn translate(pattern: &str, flags: Flags) -> Result<Translated, PatternError> {
    let mut translator = Translator {
        chars: pattern.chars().collect(),
        at: 0,
        flags,
        out: String::with_capacity(pattern.len() + 8),
        done: Translated::default(),
        open: Vec::new(),
        last: Last::Nothing,
    };
    translator.global_flags()?;
    if translator.flags.ignore_case {
        translator.out.push_str("(?i)");
    }
    translator.pattern()?;
    translator.done.pieces.push(translator.out);
    Ok(translator.done)
}

fn is_metacharacter(c: char) -> bool {
    matches!(
        c,
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' | '#' | '&' | '-' | '~'
    )
}

impl Translator {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn literal(&mut self, c: char) {
        if is_metacharacter(c) {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    /// Flags at the very start hold for the whole pattern: `(?im)`.
    fn global_flags(&mut self) -> Result<(), PatternError> {
        while self.peek(0) == Some('(') && self.peek(1) == Some('?') {
            let mut end = 2;
            while self.peek(end).is_some_and(|c| "aiLmsux".contains(c)) {
                end += 1;
            }
            if end == 2 || self.peek(end) != Some(')') {
                break;
            }
            let start = self.at;
            let letters: String = self.chars[start + 2..start + end].iter().collect();
            set_flags(&mut self.flags, &letters, true, start + 3)?;
            self.at += end + 1;
        }
        Ok(())
    }

    fn pattern(&mut self) -> Result<(), PatternError> {
        while let Some(c) = self.peek(0) {
            let start = self.at;
            self.at += 1;
            if self.flags.verbose {
                if c.is_whitespace() {
                    continue;
                }
                if c == '#' {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                    continue;
                }
            }
            match c {
                '\\' => self.escape(start)?,
                '[' => self.class(start)?,
                '(' => self.group(start)?,
                ')' => {
                    let Some(group) = self.open.pop() else {
                        return Err(PatternError::at("unbalanced parenthesis", start));
                    };
                    self.flags = group.flags;
                    self.out.push(')');
                    self.last = Last::Item;
                }
                '|' => {
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '^' => {
                    self.out.push_str(if self.flags.multiline { "(?m:^)" } else { r"\A" });
                    self.last = Last::Anchor;
                }
                '$' => {
                    if self.flags.multiline {
                        self.out.push_str("(?m:$)");
                    } else {
                        self.done.soft_end = true;
                        self.done.pieces.push(std::mem::take(&mut self.out));
                    }
                    self.last = Last::Anchor;
                }
                '.' => {
                    self.out.push_str(if self.flags.dot_all { "(?s:.)" } else { "." });
                    self.last = Last::Item;
                }
                '*' | '+' | '?' => self.quantifier(start, c.to_string())?,
                '{' => {
                    if let Some(counts) = self.counts() {
                        if let Some((low, high)) = counts.split_once(',')
                            && let (Ok(low), Ok(high)) = (low.parse::<u64>(), high.parse::<u64>())
                            && low > high
                        {
                            return Err(PatternError::at("min repeat greater than max repeat", start + 1));
                        }
                        self.quantifier(start, format!("{{{counts}}}"))?;
                    } else {
                        self.out.push_str(r"\{");
                        self.last = Last::Item;
                    }
                }
                c => {
                    self.literal(c);
                    self.last = Last::Item;
                }
            }
        }
        match self.open.pop() {
            Some(group) => Err(PatternError::at("missing ), unterminated subpattern", group.position)),
            None => Ok(()),
        }
    }

    /// `m}`, `m,}`, `,n}` or `m,n}` after a brace; anything else makes the brace a character.
    fn counts(&mut self) -> Option<String> {
        let mut end = self.at;
        let digits = |from: usize| self.chars[from..].iter().take_while(|c| c.is_ascii_digit()).count();
        let low = digits(end);
        end += low;
        let mut text: String = self.chars[self.at..end].iter().collect();
        if self.chars.get(end) == Some(&',') {
            let high = digits(end + 1);
            if low == 0 {
                text.push('0');
            }
            text.push(',');
            text.extend(&self.chars[end + 1..end + 1 + high]);
            end += 1 + high;
        } else if low == 0 {
            return None;
        }
        if self.chars.get(end) != Some(&'}') {
            return None;
        }
        self.at = end + 1;
        Some(text)
    }

    fn quantifier(&mut self, start: usize, quantifier: String) -> Result<(), PatternError> {
        match self.last {
            Last::Nothing | Last::Anchor => return Err(PatternError::at("nothing to repeat", start)),
            Last::Repeat => return Err(PatternError::at("multiple repeat", start)),
            Last::Item => {}
        }
        self.out.push_str(&quantifier);
        match self.peek(0) {
            Some('?') => {
                self.out.push('?');
                self.at += 1;
            }
            Some('+') => {
                self.out.push('+');
                self.at += 1;
            }
            _ => {}
        }
        self.last = Last::Repeat;
        Ok(())
    }

    /// A backslash outside a class; `start` is its position.
    fn escape(&mut self, start: usize) -> Result<(), PatternError> {
        let Some(c) = self.peek(0) else {
            return Err(PatternError::at("bad escape (end of pattern)", start));
        };
        self.at += 1;
        self.last = Last::Item;
        match c {
            'A' => {
                self.out.push_str(r"\A");
                self.last = Last::Anchor;
            }
            'Z' => {
                self.out.push_str(r"\z");
                self.last = Last::Anchor;
            }
            'b' | 'B' => {
                let (boundary, ascii) = if c == 'b' { (r"\b", r"(?-u:\b)") } else { (r"\B", r"(?:(?!\b))") };
                self.out.push_str(if self.flags.ascii { ascii } else { boundary });
                self.last = Last::Anchor;
            }
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => self.out.push_str(&category(c, self.flags.ascii)),
            '1'..='9' => self.number(start, c)?,
            c => {
                let c = self.character_escape(start, c)?;
                self.literal_escaped(c);
            }
        }
        Ok(())
    }

    fn literal_escaped(&mut self, c: char) {
        if c.is_control() || c.is_whitespace() {
            self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
        } else {
            self.literal(c);
        }
    }

    /// A group reference, or a character in octal when three digits say so.
    fn number(&mut self, start: usize, first: char) -> Result<(), PatternError> {
        let mut digits = String::from(first);
        if let Some(second) = self.peek(0).filter(char::is_ascii_digit) {
            digits.push(second);
            self.at += 1;
            let third = self.peek(0).filter(|c| is_octal(*c));
            if let Some(third) = third.filter(|_| is_octal(first) && is_octal(second)) {
                digits.push(third);
                self.at += 1;
                let code = u32::from_str_radix(&digits, 8).unwrap_or_default();
                let Some(c) = char::from_u32(code).filter(|_| code <= 0o377) else {
                    return Err(PatternError::at(
                        format!("octal escape value \\{digits} outside of range 0-0o377"),
                        start,
                    ));
                };
                self.literal_escaped(c);
                return Ok(());
            }
        }
        let group: usize = digits.parse().unwrap_or(usize::MAX);
        if group > self.done.groups {
            return Err(PatternError::at(format!("invalid group reference {group}"), start + 1));
        }
        if self.open.iter().any(|open| open.number == Some(group)) {
            return Err(PatternError::at("cannot refer to an open group", start));
        }
        self.out.push_str(&format!("(?:\\{group})"));
        Ok(())
    }

    /// The character that `\c...` stands for in patterns and classes alike.
    fn character_escape(&mut self, start: usize, c: char) -> Result<char, PatternError> {
        let hex = |this: &mut Self, length: usize| {
            let digits: String =
                this.chars[this.at..].iter().take(length).take_while(|c| c.is_ascii_hexdigit()).collect();
            this.at += digits.len();
            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length);
            code.and_then(char::from_u32)
                .ok_or_else(|| PatternError::at(format!("incomplete escape \\{c}{digits}"), start))
        };
        Ok(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'f' => '\x0c',
            'v' => '\x0b',
            'a' => '\x07',
            'x' => hex(self, 2)?,
            'u' => hex(self, 4)?,
            'U' => hex(self, 8)?,
            '0' => {
                let digits: String = self.chars[self.at..].iter().take(2).take_while(|c| is_octal(**c)).collect();
                self.at += digits.len();
                char::from_u32(u32::from_str_radix(&digits, 8).unwrap_or_default()).unwrap_or('\0')
            }
            c if c.is_ascii_alphabetic() => return Err(PatternError::at(format!("bad escape \\{c}"), start)),
            c => c,
        })
    }

    /// A character class; `start` is the position of its bracket.
    fn class(&mut self, start: usize) -> Result<(), PatternError> {
        let mut out = String::from("[");
        if self.peek(0) == Some('^') {
            self.at += 1;
            out.push('^');
        }
        let unterminated = || PatternError::at("unterminated character set", start);
        let mut first = true;
        loop {
            let item_start = self.at;
            let c = self.peek(0).ok_or_else(unterminated)?;
            self.at += 1;
            if c == ']' && !first {
                break;
            }
            first = false;
            let low = self.class_item(item_start, c)?;
            let is_range = self.peek(0) == Some('-') && self.peek(1).is_some_and(|c| c != ']');
            if !is_range {
                match low {
                    Item::Category(text) => out.push_str(&text),
                    Item::Char(c) => push_class_char(&mut out, c),
                }
                continue;
            }
            let high_start = self.at + 1;
            self.at += 2;
            let high = self.chars[high_start];
            let high = self.class_item(high_start, high)?;
            let written: String = self.chars[item_start..self.at].iter().collect();
            match (low, high) {
                (Item::Char(low), Item::Char(high)) if low <= high => {
                    push_class_char(&mut out, low);
                    out.push('-');
                    push_class_char(&mut out, high);
                }
                _ => return Err(PatternError::at(format!("bad character range {written}"), item_start)),
            }
        }
        out.push(']');
        self.out.push_str(&out);
        self.last = Last::Item;
        Ok(())
    }

    /// One member of a class whose first character `c` is read already.
    fn class_item(&mut self, start: usize, c: char) -> Result<Item, PatternError> {
        if c != '\\' {
            return Ok(Item::Char(c));
        }
        let Some(c) = self.peek(0) else {
            return Err(PatternError::at("bad escape (end of pattern)", start));
        };
        self.at += 1;
        Ok(match c {
            'b' => Item::Char('\x08'),
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => Item::Category(category(c, self.flags.ascii)),
            '1'..='7' => {
                let more: String = self.chars[self.at..].iter().take(2).take_while(|c| is_octal(**c)).collect();
                self.at += more.len();
                let digits = format!("{c}{more}");
                let code = u32::from_str_radix(&digits, 8).unwrap_or_default();
                match char::from_u32(code).filter(|_| digits.len() == 3 && code <= 0o377) {
                    Some(c) => Item::Char(c),
                    None => return Err(PatternError::at(format!("bad escape \\{digits}"), start)),
                }
            }
            '8' | '9' => return Err(PatternError::at(format!("bad escape \\{c}"), start)),
            c => Item::Char(self.character_escape(start, c)?),
        })
    }

    /// What stands after an opening parenthesis at `start`.
    fn group(&mut self, start: usize) -> Result<(), PatternError> {
        let before = self.flags;
        if self.peek(0) != Some('?') {
            self.open_group(start, before, None);
            self.out.push('(');
            return Ok(());
        }
        self.at += 1;
        let Some(c) = self.peek(0) else {
            return Err(PatternError::at("unexpected end of pattern", self.at));
        };
        self.at += 1;
        let plain = |this: &mut Self, text: &str| {
            this.out.push_str(text);
            this.open.push(Group { position: start, flags: before, number: None });
            this.last = Last::Nothing;
        };
        match (c, self.peek(0)) {
            (':' | '=' | '!' | '>', _) => plain(self, &format!("(?{c}")),
            ('<', Some(side @ ('=' | '!'))) => {
                self.at += 1;
                plain(self, &format!("(?<{side}"));
            }
            ('<', Some(c)) => return Err(PatternError::at(format!("unknown extension ?<{c}"), start + 1)),
            ('#', _) => {
                while self.peek(0).is_some_and(|c| c != ')') {
                    self.at += 1;
                }
                if self.peek(0).is_none() {
                    return Err(PatternError::at("missing ), unterminated comment", start));
                }
                self.at += 1;
            }
            ('P', Some('<')) => {
                self.at += 1;
                let name = self.name('>')?;
                if let Some((_, old)) = self.done.names.iter().find(|(known, _)| *known == name) {
                    let number = self.done.groups + 1;
                    return Err(PatternError::at(
                        format!("redefinition of group name '{name}' as group {number}; was group {old}"),
                        start + 4,
                    ));
                }
                self.out.push_str(&format!("(?P<{name}>"));
                self.open_group(start, before, Some(name));
            }
            ('P', Some('=')) => {
                self.at += 1;
                let name_start = self.at;
                let name = self.name(')')?;
                let Some((_, number)) = self.done.names.iter().find(|(known, _)| *known == name) else {
                    return Err(PatternError::at(format!("unknown group name '{name}'"), name_start));
                };
                self.out.push_str(&format!("(?:\\{number})"));
                self.last = Last::Item;
            }
            ('P', c) => {
                let c = c.map(String::from).unwrap_or_default();
                return Err(PatternError::at(format!("unknown extension ?P{c}"), start + 1));
            }
            ('(', _) => {
                let name_start = self.at;
                let name = self.name(')')?;
                let number = match name.parse::<usize>() {
                    Ok(number) => number,
                    Err(_) => self
                        .done
                        .names
                        .iter()
                        .find(|(known, _)| *known == name)
                        .map(|(_, number)| *number)
                        .ok_or_else(|| PatternError::at(format!("unknown group name '{name}'"), name_start))?,
                };
                plain(self, &format!("(?({number})"));
            }
            (c, _) if c == '-' || "aiLmsux".contains(c) => {
                self.at -= 1;
                self.scoped_flags(start)?;
            }
            (c, _) => return Err(PatternError::at(format!("unknown extension ?{c}"), start + 1)),
        }
        Ok(())
    }

    fn open_group(&mut self, position: usize, flags: Flags, name: Option<String>) {
        self.done.groups += 1;
        let number = self.done.groups;
        if let Some(name) = name {
            self.done.names.push((name, number));
        }
        self.open.push(Group { position, flags, number: Some(number) });
        self.last = Last::Nothing;
    }

    /// A group name up to `end`.
    fn name(&mut self, end: char) -> Result<String, PatternError> {
        let start = self.at;
        let length = self.chars[start..].iter().position(|c| *c == end);
        let Some(length) = length else {
            return Err(PatternError::at(format!("missing {end}, unterminated name"), start));
        };
        if length == 0 {
            return Err(PatternError::at("missing group name", start));
        }
        let name: String = self.chars[start..start + length].iter().collect();
        self.at = start + length + 1;
        let is_name =
            name.chars().enumerate().all(|(i, c)| c == '_' || c.is_alphabetic() || i > 0 && c.is_alphanumeric());
        if !is_name && name.parse::<usize>().is_err() {
            return Err(PatternError::at(format!("bad character in group name '{name}'"), start));
        }
        Ok(name)
    }

    /// `(?i-s:...)`, read from its first letter.
    fn scoped_flags(&mut self, start: usize) -> Result<(), PatternError> {
        let before = self.flags;
        let letters_start = self.at;
        while self.peek(0).is_some_and(|c| c == '-' || c.is_ascii_alphabetic()) {
            self.at += 1;
        }
        let letters: String = self.chars[letters_start..self.at].iter().collect();
        let closing = self.peek(0);
        if closing == Some(')') {
            return Err(PatternError::at("global flags not at the start of the expression", start));
        }
        if closing != Some(':') {
            return Err(PatternError::at("missing -, : or )", self.at));
        }
        self.at += 1;
        let (on, off) = letters.split_once('-').unwrap_or((&letters, ""));
        set_flags(&mut self.flags, on, true, letters_start)?;
        set_flags(&mut self.flags, off, false, letters_start)?;
        self.out.push_str(match (before.ignore_case, self.flags.ignore_case) {
            (false, true) => "(?i:",
            (true, false) => "(?-i:",
            _ => "(?:",
        });
        self.open.push(Group { position: start, flags: before, number: None });
        self.last = Last::Nothing;
        Ok(())
    }
}

enum Item {
    Char(char),
    Category(String),
}

fn is_octal(c: char) -> bool {
    ('0'..='7').contains(&c)
}

fn push_class_char(out: &mut String, c: char) {
    if is_metacharacter(c) {
        out.push('\\');
    }
    if c.is_control() {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    } else {
        out.push(c);
    }
}

/// A character category; Python's `\s` knows the four ASCII separators too.
fn category(c: char, ascii: bool) -> String {
    let text = match (c, ascii) {
        ('d', true) => "0-9",
        ('w', true) => "a-zA-Z0-9_",
        ('s', true) => r" \t\n\r\x0c\x0b",
        ('D', true) => "^0-9",
        ('W', true) => "^a-zA-Z0-9_",
        ('S', true) => r"^ \t\n\r\x0c\x0b",
        (c, _) => return format!("\\{c}"),
    };
    // A class inside a class is a union, so the brackets are right in both places.
    format!("[{text}]")
}

fn set_flags(flags: &mut Flags, letters: &str, on: bool, position: usize) -> Result<(), PatternError> {
    for letter in letters.chars() {
        match letter {
            'i' => flags.ignore_case = on,
            'm' => flags.multiline = on,
            's' => flags.dot_all = on,
            'x' => flags.verbose = on,
            'a' => flags.ascii = on,
            'u' => {}
            'L' => {
                return Err(PatternError::at("bad inline flags: cannot use 'L' flag with a str pattern", position));
            }
            _ => return Err(PatternError::at("unknown flag", position)),
        }
    }
    Ok(())
}
