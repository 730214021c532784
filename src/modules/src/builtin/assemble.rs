//! Makes one file of the files in a folder, in the order of their names.
//!
//! With `remote_src: false` the controller assembles and sends the result as the attachment `src`.
//!
//! Options:
//! - `src` (path, required): the folder; `dest` (path, required): the file.
//! - `delimiter` (text, with escapes such as `\n`): between the parts.
//! - `regexp` (Python pattern): only names it matches; `ignore_hidden` (bool).
//! - `remote_src` (bool, default true), `backup` (bool), `validate` (command with `%s`).
//! - `decrypt` (default true): decrypt parts that are encrypted with ansible-vault.
//! - those of every file module: `owner`, `group`, `mode`, ...
//!
//! Returns: `dest`, `src`, `checksum`, `md5sum`, `msg`, `backup_file`, `owner`, ...
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.assemble:
//!     src: /etc/thing/conf.d
//!     dest: /etc/thing.conf
//! ```

use std::path::Path;

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use crate::{
    Algorithm, Arg, ArgSpec, Args, Context, FileAttrs, Module, ModuleError, PyRegex, Replace, Support, backup,
    digest_bytes, digest_file,
};

/// `ansible.builtin.assemble`
pub static MODULE: Module = Module {
    name: "assemble",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("src").required(),
            Arg::text("delimiter"),
            Arg::path("dest").required(),
            Arg::bool("backup").default("false"),
            Arg::bool("remote_src").default("true"),
            Arg::text("regexp"),
            Arg::bool("ignore_hidden").default("false"),
            Arg::text("validate"),
            // The controller's business when it assembles.
            Arg::bool("decrypt").default("true"),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (src, dest) = (args.need("src"), args.need("dest"));
    let content = if let Some(bytes) = cx.attachment("src") {
        bytes.to_vec()
    } else {
        let folder = cx.path(src);
        if !folder.exists() {
            return Err(ModuleError::msg(format!("Source ({src}) does not exist")));
        }
        if !folder.is_dir() {
            return Err(ModuleError::msg(format!("Source ({src}) is not a directory")));
        }
        assembled(args, &folder)?
    };
    if let Some(command) = args.text("validate").filter(|command| !command.contains("%s")) {
        return Err(ModuleError::msg(format!("validate must contain %s: {command}")));
    }
    let path = cx.path(dest);
    let checksum = digest_bytes(Algorithm::Sha1, &content);
    if path.is_dir() {
        return Err(ModuleError::msg(format!("attempted to take checksum of directory: {dest}")));
    }
    let before = if path.exists() { Some(digest_file(Algorithm::Sha1, &path)?) } else { None };
    let mut changed = before.as_ref() != Some(&checksum);
    let mut reply = Reply::ok()
        .with("checksum", checksum)
        .with("dest", dest)
        .with("md5sum", digest_bytes(Algorithm::Md5, &content));
    let attrs = FileAttrs::from_args(args)?;
    let replace = Replace::new(&path).validate(args.text("validate")).unsafe_writes(args.flag("unsafe_writes"));
    if changed && cx.check() {
        replace.judge(cx.sys(), &content)?;
    }
    if changed && !cx.check() {
        if args.flag("backup")
            && let Some(saved) = backup(&path, false)?
        {
            reply = reply.with("backup_file", saved.to_string_lossy().as_ref());
        }
        replace.mode(attrs.mode.as_ref()).write(cx.sys(), &content)?;
    }
    if changed && args.text("validate").is_some_and(|command| !command.is_empty()) {
        let said = [("rc", Value::Int(0)), ("stdout", "".into()), ("stderr", "".into())];
        reply = reply.with("validation", said.into_iter().collect::<Map>());
    }
    changed |= attrs.apply(cx, &path, None)?;
    reply.changed = changed;
    Ok(reply.with("msg", "OK").with("src", src))
}

fn assembled(args: &Args, folder: &Path) -> Result<Vec<u8>, ModuleError> {
    let regexp = args.text("regexp").map(PyRegex::new).transpose()?;
    let delimiter = args.text("delimiter").filter(|d| !d.is_empty()).map(unescaped);
    let mut names: Vec<_> =
        fs_err::read_dir(folder)?.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    let mut out = Vec::new();
    let mut first = true;
    for name in names {
        let text = name.to_string_lossy();
        let unwanted = regexp.as_ref().is_some_and(|regexp| !regexp.is_match(&text))
            || (args.flag("ignore_hidden") && text.starts_with('.'));
        if unwanted || !folder.join(&name).is_file() {
            continue;
        }
        if !first {
            if out.last().is_some_and(|byte| *byte != b'\n') {
                out.push(b'\n');
            }
            if let Some(delimiter) = &delimiter {
                out.extend_from_slice(delimiter);
                if delimiter.last() != Some(&b'\n') {
                    out.push(b'\n');
                }
            }
        }
        first = false;
        out.extend(fs_err::read(folder.join(&name))?);
    }
    Ok(out)
}

/// `\n`, `\t`, `\x41` and the like as the bytes they stand for.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'x') => {
                let digits: String = [bytes.next(), bytes.next()].into_iter().flatten().map(char::from).collect();
                out.extend(u8::from_str_radix(&digits, 16).ok());
            }
            Some(quoted @ (b'\\' | b'\'' | b'"')) => out.push(quoted),
            Some(other) => out.extend([b'\\', other]),
            None => out.push(b'\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn parts_are_joined_in_order_with_newlines_and_delimiters() {
        let fake = Fake::new().unwrap();
        for (name, text) in [("/p/20", "b"), ("/p/10", "a"), ("/p/.h", "h\n"), ("/p/x.bak", "x")] {
            fake.write(name, text).unwrap();
        }
        let given = || args([("src", "/p"), ("dest", "/o"), ("regexp", "^\\d+$"), ("delimiter", "---\\n#")]);
        assert!(fake.check("assemble", given()).changed && fake.read("/o").is_err());
        let reply = fake.call("assemble", given());
        assert_eq!(fake.read("/o").unwrap(), "a\n---\n#\nb");
        assert_eq!((reply.changed, reply.data.get("msg")), (true, Some(&"OK".into())));
        assert!(!fake.call("assemble", given()).changed);
        fake.call("assemble", args([("src", "/p"), ("dest", "/o"), ("ignore_hidden", "yes")]));
        assert_eq!(fake.read("/o").unwrap(), "a\nb\nx");
        let reply = fake.call("assemble", args([("src", "/none"), ("dest", "/o")]));
        assert_eq!(reply.data.get("msg"), Some(&"Source (/none) does not exist".into()));
    }
}
