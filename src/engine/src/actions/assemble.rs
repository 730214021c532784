//! Makes one file of the files in a folder; with `remote_src: false` of a folder of the controller.

use async_trait::async_trait;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::trouble::Trouble;

/// `ansible.builtin.assemble`
pub(crate) static ACTION: Assemble = Assemble;

/// Assembles a file.
pub(crate) struct Assemble;

#[async_trait(?Send)]
impl Action for Assemble {
    fn traits(&self) -> Traits {
        Traits::new("assemble")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let (Some(src), Some(_)) = (cx.text("src"), cx.text("dest")) else {
            return Err(Trouble::action("src and dest are required"));
        };
        let remote = cx.flag("remote_src", true)?;
        let decrypt = cx.flag("decrypt", true)?;
        let mut args = std::mem::take(&mut cx.args);
        args.remove("decrypt");
        if remote {
            let reply = cx.module("ansible.legacy.assemble", args).await?;
            return Ok(cx.reply(reply));
        }
        cx.args.clone_from(&args);
        let folder = cx.find_file("files", &src)?;
        if !folder.is_dir() {
            return Err(Trouble::action(format!("Source ({}) is not a directory", folder.display())));
        }
        let content = assembled(cx, &folder, decrypt)?;
        for own in ["remote_src", "src", "delimiter", "regexp", "ignore_hidden"] {
            args.remove(own);
        }
        super::copy::put(cx, args, content).await
    }
}

/// The files of a folder one after the other, in the order of their names.
fn assembled(cx: &ActionCx<'_>, folder: &std::path::Path, decrypt: bool) -> Result<Vec<u8>, Trouble> {
    let regexp = cx
        .text("regexp")
        .map(|text| {
            fancy_regex::Regex::new(&text)
                .map_err(|error| Trouble::action(format!("Invalid Regexp ({error}) in \"{text}\"")))
        })
        .transpose()?;
    let hidden = cx.flag("ignore_hidden", false)?;
    let delimiter = cx.text("delimiter").map(|text| unescape(&text));
    let failed = |error: std::io::Error| Trouble::action(error.to_string());
    let mut paths = fs_err::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    let mut out: Vec<u8> = Vec::new();
    let mut first = true;
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let wanted = regexp.as_ref().is_none_or(|regexp| regexp.is_match(&name).unwrap_or(false));
        if !wanted || !path.is_file() || hidden && name.starts_with('.') {
            continue;
        }
        if !first {
            if !out.ends_with(b"\n") && delimiter.is_some() {
                out.push(b'\n');
            }
            if let Some(delimiter) = &delimiter {
                out.extend(delimiter.as_bytes());
                if !delimiter.ends_with('\n') {
                    out.push(b'\n');
                }
            }
        }
        first = false;
        out.extend(cx.read_file(&path, decrypt)?);
    }
    Ok(out)
}

/// `\n`, `\t`, `\\` as the characters they stand for.
fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
}
