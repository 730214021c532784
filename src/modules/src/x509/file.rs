//! The file that a module of `community.crypto` keeps: read, written, removed, with backups and attributes.

use std::io;
use std::path::{Path, PathBuf};

use rplay_protocol::{Diff, Reply};
use rplay_value::{Map, Value};

use super::X509Error;
use super::private_key::PrivateKey;
use crate::{Args, Context, FileAttrs, Mode, ModuleError, Replace, backup};

/// Python's words for a failed file operation.
pub(crate) fn errno(error: &io::Error, path: &str) -> String {
    let code = error.raw_os_error().unwrap_or_default();
    format!("[Errno {code}] {}: {}", crate::strerror(error), crate::convert::quoted(path))
}

/// The file named by `path`.
pub(crate) struct KeptFile<'a> {
    args: &'a Args,
    path: PathBuf,
    /// The mode of a new file where the task has none.
    default_mode: Option<u32>,
    /// The name of the backup.
    saved: Option<String>,
    /// Whether anything changed.
    pub(crate) changed: bool,
}

impl<'a> KeptFile<'a> {
    pub(crate) fn new(cx: &Context<'_>, args: &'a Args, default_mode: Option<u32>) -> Self {
        Self { args, path: cx.path(args.need("path")), default_mode, saved: None, changed: false }
    }

    /// Fails where the file's folder is missing. The older messages have quotes around the folder.
    pub(crate) fn need_folder(&self, quote: &str) -> Result<(), ModuleError> {
        let shown = Path::new(self.args.need("path")).parent().filter(|p| !p.as_os_str().is_empty());
        let shown = shown.map_or_else(|| ".".to_owned(), |folder| folder.to_string_lossy().into_owned());
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if folder.is_dir() {
            return Ok(());
        }
        let msg = format!("The directory {quote}{shown}{quote} does not exist or the file is not a directory");
        Err(ModuleError::reply(Reply::failure(msg).with("name", shown)))
    }

    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// The content; `None` when there is no file.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, ModuleError> {
        match std::fs::read(&self.path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let shown = self.args.need("path");
                Err(ModuleError::msg(format!("Error while loading {shown} - {}", errno(&error, shown))))
            }
        }
    }

    fn mode(&self) -> Result<Option<Mode>, ModuleError> {
        Ok(FileAttrs::from_args(self.args)?.mode.or(self.default_mode.map(Mode::Bits)))
    }

    /// Puts new content in place, after a backup of the old one.
    pub(crate) fn write(&mut self, cx: &Context<'_>, content: &[u8]) -> Result<(), ModuleError> {
        self.save(cx)?;
        let mode = self.mode()?;
        let replace = Replace::new(&self.path).mode(mode.as_ref()).unsafe_writes(self.args.flag("unsafe_writes"));
        replace.write(cx.sys(), content)?;
        self.changed = true;
        Ok(())
    }

    fn save(&mut self, cx: &Context<'_>) -> Result<(), ModuleError> {
        if self.args.flag("backup") && !cx.check() {
            self.saved = backup(&self.path, false)?.map(|path| path.to_string_lossy().into_owned());
        }
        Ok(())
    }

    /// Brings owner, mode and the like to what is wanted.
    pub(crate) fn attributes(&mut self, cx: &Context<'_>) -> Result<(), ModuleError> {
        if cx.check() && !self.exists() {
            self.changed = true;
            return Ok(());
        }
        let mut attrs = FileAttrs::from_args(self.args)?;
        attrs.mode = self.mode()?;
        self.changed |= attrs.apply(cx, &self.path, None)?;
        Ok(())
    }

    /// Removes the file, after a backup.
    pub(crate) fn remove(&mut self, cx: &Context<'_>) -> Result<(), ModuleError> {
        self.save(cx)?;
        if cx.check() {
            self.changed = self.exists();
            return Ok(());
        }
        match std::fs::remove_file(&self.path) {
            Ok(()) => self.changed = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ModuleError::msg(errno(&error, self.args.need("path")))),
        }
        Ok(())
    }

    /// The result with what all these modules tell.
    pub(crate) fn reply(&self, cx: &Context<'_>, data: Map, diff: Option<(Map, Map)>) -> Reply {
        let mut reply = Reply::ok().with("filename", self.args.need("path"));
        reply.changed = self.changed;
        for (key, value) in &data {
            reply.data.insert(key.clone(), value.clone());
        }
        if let Some(saved) = &self.saved {
            reply.data.insert("backup_file", saved.as_str());
        }
        if let Some((before, after)) = diff.filter(|_| cx.diff()) {
            let diff = Diff { before: Some(Value::from(before)), after: Some(Value::from(after)), ..Diff::default() };
            reply.diff.push(diff);
        }
        reply
    }
}

/// The content of `NAME_path` or `NAME_content`; `None` when neither is given.
pub(crate) fn given(cx: &Context<'_>, args: &Args, name: &str) -> Result<Option<Vec<u8>>, X509Error> {
    if let Some(content) = args.text(&format!("{name}_content")) {
        return Ok(Some(content.as_bytes().to_vec()));
    }
    let Some(path) = args.text(&format!("{name}_path")) else { return Ok(None) };
    std::fs::read(cx.path(path)).map(Some).map_err(|error| X509Error::bad(errno(&error, path)))
}

/// The private key of `NAME_path` or `NAME_content`, with `NAME_passphrase`; `None` when neither is given.
pub(crate) fn given_key(cx: &Context<'_>, args: &Args, name: &str) -> Result<Option<PrivateKey>, X509Error> {
    let content = given(cx, args, name)?;
    content.map(|content| PrivateKey::load(&content, args.text(&format!("{name}_passphrase")))).transpose()
}
