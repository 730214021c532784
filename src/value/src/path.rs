//! Paths into values: `a.b[0]["c d"]`.

use std::fmt;

use crate::Value;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A mapping's key.
    Key(String),
    /// A list's index; negative ones count from the end.
    Index(i64),
}

/// A way into a value, as users write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(Vec<Step>);

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path into a value (at character {})", at + 1)]
pub struct PathError {
    /// The text.
    pub path: String,
    /// Byte offset of the problem.
    pub at: usize,
}

impl Path {
    /// The value itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads `a.b[0]["c d"]`. A step of digits after a dot (`a.0`) is an index.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let refuse = |at: usize| PathError { path: text.to_owned(), at };
        let mut steps = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, used) = if let Some(quote @ ('\'' | '"')) = inner.chars().next() {
                    let end = inner[1..].find(quote).ok_or_else(|| refuse(at))?;
                    (Step::Key(inner[1..=end].to_owned()), end + 2)
                } else {
                    let end = inner.find(']').ok_or_else(|| refuse(at))?;
                    (Step::Index(inner[..end].trim().parse().map_err(|_| refuse(at + 1))?), end)
                };
                if !inner[used..].starts_with(']') {
                    return Err(refuse(at + 1 + used));
                }
                steps.push(step);
                at += used + 2;
                continue;
            }
            let name = match rest.strip_prefix('.') {
                Some(name) if at > 0 => name,
                None if at == 0 => rest,
                _ => return Err(refuse(at)),
            };
            at = text.len() - name.len();
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let name = &name[..end];
            if name.is_empty() {
                return Err(refuse(at));
            }
            let digits = name.bytes().all(|b| b.is_ascii_digit());
            steps.push(match name.parse() {
                Ok(index) if digits => Step::Index(index),
                _ => Step::Key(name.to_owned()),
            });
            at += end;
        }
        Ok(Self(steps))
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path and one step more.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// What the path leads to in a value. A number also finds an integer or text key of a mapping.
    pub fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, step| match (step, value) {
            (Step::Key(key), Value::Map(map)) => map.get(key),
            (Step::Index(index), Value::Map(map)) => {
                map.get_value(&Value::Int(*index)).or_else(|| map.get(&index.to_string()))
            }
            (Step::Index(index), Value::List(list)) => {
                let index = if *index < 0 { index + list.len() as i64 } else { *index };
                list.get(usize::try_from(index).ok()?)
            }
            _ => None,
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let plain = !key.is_empty()
                        && !key.starts_with(|c: char| c.is_ascii_digit())
                        && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
                    match (plain, i) {
                        (true, 0) => f.write_str(key)?,
                        (true, _) => write!(f, ".{key}")?,
                        (false, _) => {
                            let quote = if key.contains('\'') { '"' } else { '\'' };
                            write!(f, "[{quote}{key}{quote}]")?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn paths_lead_into_values() {
        let value = json::loads(r#"{"a": {"b": [10, {"c d": 1}]}, "5": "five"}"#).unwrap();
        for (path, want) in [("a.b[0]", "10"), ("a.b.1[\"c d\"]", "1"), ("a['b'][-2]", "10"), ("5", "five")] {
            assert_eq!(Path::parse(path).unwrap().get(&value).unwrap().to_str(), want, "{path}");
        }
        assert!(Path::parse("a.x").unwrap().get(&value).is_none());
        assert_eq!(Path::parse("a.b[1]['c d']").unwrap().to_string(), "a.b[1]['c d']");
        for bad in ["a..b", "a[", "a[x]", ".a", "a['b", "a['b'x]", "a."] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }
}
