//! URLs and mail addresses in text as HTML links.

use crate::filters::lines::escape_html;
use crate::pyregex::{self, Flags};
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// URLs and mail addresses in text as HTML links.
pub static FILTER: Filter = Filter {
    name: "urlize",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"],
    accepts_undefined: false,
    run,
};

const WEB: &str = r"^((https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])))(?::[\d]{1,5})?(?:[/?#]\S*)?$";
const MAIL: &str = r"^\S+@\w[\w.-]*\.\w+$";

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = escape_html(&py::str(call.input()));
    let limit = match call.opt("trim_url_limit").filter(|limit| !limit.is_none()) {
        Some(_) => usize::try_from(call.int("trim_url_limit", 0)?).ok(),
        None => None,
    };
    let optional = |name| call.opt(name).filter(|value| !value.is_none()).map(py::str);
    let mut rel: Vec<String> = optional("rel").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if call.bool("nofollow", false)? {
        rel.push("nofollow".to_owned());
    }
    rel.push("noopener".to_owned());
    rel.sort();
    rel.dedup();
    let rel = format!(" rel=\"{}\"", escape_html(&rel.join(" ")));
    let target = optional("target").map(|t| format!(" target=\"{}\"", escape_html(&t))).unwrap_or_default();
    let mut schemes = Vec::new();
    if let Some(extra) = call.opt("extra_schemes").filter(|extra| !extra.is_none()) {
        for scheme in py::iterate(extra)? {
            schemes.push(py::str(&scheme));
        }
    }
    let compile = |pattern| pyregex::compile(pattern, Flags::new(true, false)).map_err(|e| call.error(e.0));
    let (web, mail) = (compile(WEB)?, compile(MAIL)?);
    let shown = |url: &str| match limit {
        Some(limit) if url.chars().count() > limit => format!("{}...", url.chars().take(limit).collect::<String>()),
        _ => url.to_owned(),
    };
    let mut out = String::with_capacity(text.len());
    for word in words(&text) {
        let (head, middle, tail) = trimmed(word);
        let found = |pattern: &pyregex::Pattern| pattern.is_at_start(middle).map_err(|e| call.error(e.0));
        let link = if found(&web)? {
            let url = if middle.starts_with("https://") || middle.starts_with("http://") {
                middle.to_owned()
            } else {
                format!("https://{middle}")
            };
            Some(format!("<a href=\"{url}\"{rel}{target}>{}</a>", shown(middle)))
        } else if let Some(address) = middle.strip_prefix("mailto:")
            && mail.is_at_start(address).map_err(|e| call.error(e.0))?
        {
            Some(format!("<a href=\"{middle}\">{address}</a>"))
        } else if middle.contains('@') && !middle.starts_with("www.") && !middle.contains(':') && found(&mail)? {
            Some(format!("<a href=\"mailto:{middle}\">{middle}</a>"))
        } else if schemes.iter().any(|scheme| middle != scheme && middle.starts_with(scheme.as_str())) {
            Some(format!("<a href=\"{middle}\"{rel}{target}>{middle}</a>"))
        } else {
            None
        };
        out.push_str(head);
        out.push_str(&link.unwrap_or_else(|| middle.to_owned()));
        out.push_str(tail);
    }
    Ok(py::text(out))
}

/// Runs of blanks and of everything else, in turn.
fn words(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let blank = c.is_whitespace();
        if last.is_some_and(|last| last != blank) {
            parts.push(&text[start..at]);
            start = at;
        }
        last = Some(blank);
    }
    parts.push(&text[start..]);
    parts
}

/// A word without the punctuation around it; a closing bracket stays when its opening one is inside.
fn trimmed(word: &str) -> (&str, &str, &str) {
    let mut start = 0;
    while let Some(length) = ["(", "<", "&lt;"].iter().find(|p| word[start..].starts_with(**p)).map(|p| p.len()) {
        start += length;
    }
    let mut end = word.len();
    while let Some(length) =
        [")", ">", ".", ",", "\n", "&gt;"].iter().find(|p| word[start..end].ends_with(**p)).map(|p| p.len())
    {
        end -= length;
    }
    for (open, close) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
        let opened = word[start..end].matches(open).count();
        let mut missing = opened.saturating_sub(word[start..end].matches(close).count());
        while missing > 0
            && let Some(at) = word[end..].find(close)
        {
            end += at + close.len();
            missing -= 1;
        }
    }
    (&word[..start], &word[start..end], &word[end..])
}
