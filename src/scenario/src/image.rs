//! Images: what disks and containers begin as.

use std::path::PathBuf;

use rplay_diag::Span;

use crate::read::{Fields, Spot};
use crate::units::Size;

/// Where an image's content comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Another image of the scenario, patched.
    Image(Spot),
    /// A Debian system.
    Debootstrap(Debootstrap),
    /// Fetched.
    Url(String),
    /// A file that is there.
    Path(PathBuf),
    /// Docker has it.
    Docker(String),
    /// An empty disk.
    Blank,
}

/// A Debian system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debootstrap {
    /// Release.
    pub suite: String,
    /// Where packages come from.
    pub mirror: Option<String>,
    /// `minbase`, `buildd` or `-`.
    pub variant: String,
    /// Components of the archive.
    pub components: Vec<String>,
}

/// What a file put into an image holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// This text.
    Text(String),
    /// What this file or folder holds.
    Src(PathBuf),
}

/// A file put into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// Where it goes.
    pub path: String,
    /// What it holds.
    pub content: Content,
    /// Octal mode.
    pub mode: Option<u32>,
    /// `user` or `user:group`.
    pub owner: Option<String>,
}

/// An image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its name.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// Where its content comes from.
    pub origin: Origin,
    /// Checksum of what is fetched, in hexadecimal.
    pub sha256: Option<String>,
    /// Size of the disk.
    pub size: Option<Size>,
    /// Packages that are installed.
    pub packages: Vec<String>,
    /// Files that are put in.
    pub files: Vec<ImageFile>,
    /// Commands that are run in it.
    pub commands: Vec<String>,
    /// A kernel to boot directly.
    pub kernel: Option<PathBuf>,
    /// Its initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// It reads a NoCloud seed.
    pub cloud_init: bool,
    /// Who the key is for.
    pub user: String,
}

impl Image {
    pub(crate) fn read(name: &Spot, fields: Fields<'_>) -> Option<Self> {
        let origin = if let Some(from) = fields.spot("from") {
            Origin::Image(from)
        } else if let Some(below) = fields.below("debootstrap") {
            let or = |name: &str, default: &str| below.text(name).unwrap_or_else(|| default.to_owned());
            let components = below.texts("components");
            Origin::Debootstrap(Debootstrap {
                suite: or("suite", "bookworm"),
                mirror: below.text("mirror"),
                variant: or("variant", "minbase"),
                components: if components.is_empty() { vec!["main".to_owned()] } else { components },
            })
        } else if let Some(url) = fields.text("url") {
            Origin::Url(url)
        } else if let Some(path) = fields.path("path") {
            Origin::Path(path)
        } else if let Some(name) = fields.text("docker") {
            Origin::Docker(name)
        } else {
            Origin::Blank
        };
        let cloud = matches!(origin, Origin::Url(_) | Origin::Path(_));
        Some(Self {
            name: name.text.clone(),
            span: name.span,
            origin,
            sha256: fields.text("sha256"),
            size: fields.size("size"),
            packages: fields.texts("packages"),
            files: fields.each("files").into_iter().filter_map(file).collect(),
            commands: fields.texts("commands"),
            kernel: fields.path("kernel"),
            initrd: fields.path("initrd"),
            cloud_init: fields.flag("cloud_init").unwrap_or(cloud),
            user: fields.text("user").unwrap_or_else(|| "root".to_owned()),
        })
    }
}

fn file(fields: Fields<'_>) -> Option<ImageFile> {
    let content = match fields.text("content") {
        Some(text) => Content::Text(text),
        None => Content::Src(fields.path("src")?),
    };
    let mode = fields.text("mode").and_then(|mode| u32::from_str_radix(&mode, 8).ok());
    Some(ImageFile { path: fields.text("path")?, content, mode, owner: fields.text("owner") })
}
