//! Images that are fetched: into the cache, with a checksum, going on where a cut connection or a kill left off.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::recipe::{Turn, checksum};
use super::{ProviderError, digest};

/// How often it is tried, and how long the first pause between two is; it doubles.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(200);
/// How old a file without a checksum may be before it is fetched anew.
const FRESH: Duration = Duration::from_hours(24);

/// The file of an address in the cache; fetched when it is not there. With a checksum it is kept for good.
pub(super) async fn fetched(url: &str, sha256: Option<&str>, what: &str) -> Result<PathBuf, ProviderError> {
    let sha256 = sha256.map(str::to_ascii_lowercase);
    if let Some(path) = url.strip_prefix("file://") {
        let path = PathBuf::from(path);
        let sum = summed(&path).await?;
        return right(&path, &sum, sha256.as_deref(), what).map(|()| path);
    }
    let name = digest(&["fetch", url, sha256.as_deref().unwrap_or_default()]);
    let file = crate::folder::cache().join("fetched").join(&name);
    let _turn = Turn::take(&format!("fetch-{name}")).await?;
    if is_fresh(&file, sha256.is_some()) {
        return Ok(file);
    }
    fs_err::create_dir_all(file.parent().unwrap_or(&file))?;
    let part = file.with_extension("part");
    let mut pause = PAUSE;
    for tried in 1..=TRIES {
        let (address, path) = (url.to_owned(), part.clone());
        let ended = tokio::task::spawn_blocking(move || one(&address, &path)).await;
        match ended.map_err(|error| std::io::Error::other(error.to_string()))? {
            Ok(()) => break,
            Err(Stop::Never(why)) => return Err(ProviderError::Refused { what: what.to_owned(), why }),
            Err(Stop::Again(why)) if tried == TRIES => {
                let why = format!("{why} (tried {TRIES} times; the next run goes on from there)");
                return Err(ProviderError::Refused { what: what.to_owned(), why });
            }
            Err(Stop::Again(_)) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    let sum = summed(&part).await?;
    if let Err(error) = right(&part, &sum, sha256.as_deref(), what) {
        // Not to be gone on from.
        fs_err::remove_file(&part)?;
        return Err(error);
    }
    fs_err::rename(&part, &file)?;
    Ok(file)
}

fn is_fresh(file: &Path, checked: bool) -> bool {
    let Ok(metadata) = fs_err::metadata(file) else { return false };
    checked || metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age < FRESH))
}

async fn summed(path: &Path) -> Result<String, ProviderError> {
    let path = path.to_owned();
    let sum = tokio::task::spawn_blocking(move || checksum(&path)).await;
    Ok(sum.map_err(|error| std::io::Error::other(error.to_string()))??)
}

fn right(path: &Path, sum: &str, wanted: Option<&str>, what: &str) -> Result<(), ProviderError> {
    match wanted {
        Some(wanted) if wanted != sum => {
            let why = format!("{} has checksum {sum}, not {wanted}", path.display());
            Err(ProviderError::Refused { what: what.to_owned(), why })
        }
        _ => Ok(()),
    }
}

/// Why a try ended.
enum Stop {
    /// The next may do better.
    Again(String),
    /// No other will.
    Never(String),
}

/// Fetches what is missing of a file.
fn one(url: &str, part: &Path) -> Result<(), Stop> {
    let again = |error: std::io::Error| Stop::Again(format!("{url}: {error}"));
    let mut file = fs_err::OpenOptions::new().create(true).append(true).read(true).open(part).map_err(again)?;
    let has = file.seek(SeekFrom::End(0)).map_err(again)?;
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_mins(1)))
        .http_status_as_error(false)
        .build();
    let mut request = ureq::Agent::new_with_config(config).get(url);
    if has > 0 {
        request = request.header("Range", format!("bytes={has}-"));
    }
    let mut answer = request.call().map_err(|error| match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Stop::Never(format!("{url}: {error}")),
        _ => Stop::Again(format!("{url}: {error}")),
    })?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let whole = match answer.status().as_u16() {
        // From the beginning: the server goes on nowhere.
        200 => {
            file.set_len(0).map_err(again)?;
            header("content-length").and_then(|length| length.parse::<u64>().ok())
        }
        206 => header("content-range").and_then(|range| range.rsplit_once('/')?.1.parse().ok()),
        // Nothing is missing.
        416 => return Ok(()),
        code @ (408 | 425 | 429 | 500..) => return Err(Stop::Again(format!("{url} answers with {code}"))),
        code => return Err(Stop::Never(format!("{url} answers with {code}"))),
    };
    let mut body = answer.body_mut().as_reader();
    let mut chunk = vec![0; 256 << 10];
    loop {
        match body.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => file.write_all(&chunk[..read]).map_err(again)?,
            Err(error) => return Err(again(error)),
        }
    }
    let has = file.seek(SeekFrom::End(0)).map_err(again)?;
    match whole {
        Some(whole) if has < whole => Err(Stop::Again(format!("{url}: cut off after {has} of {whole} bytes"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A server whose first answer ends half way; gives its address and what was asked of it.
    fn server(content: Vec<u8>, ranges: bool) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/image", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let range = head
                    .iter()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
                seen.lock().unwrap().push(range.clone().unwrap_or_default());
                let from: usize =
                    range.filter(|_| ranges).map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
                let rest = &content[from..];
                let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
                let range = format!("Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len());
                let range = if from > 0 { range } else { String::new() };
                let head =
                    format!("HTTP/1.1 {status}\r\n{range}Content-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
                stream.write_all(head.as_bytes()).unwrap();
                let end = if number == 0 { rest.len() / 2 } else { rest.len() };
                stream.write_all(&rest[..end]).unwrap();
            }
        });
        (url, asked)
    }

    fn content() -> Vec<u8> {
        (0..200_000_u32).map(|number| (number % 251) as u8).collect()
    }

    #[test]
    fn what_was_cut_off_goes_on_where_it_ended() {
        let (url, asked) = server(content(), true);
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("part");
        assert!(matches!(one(&url, &part), Err(Stop::Again(_))));
        assert!(one(&url, &part).is_ok());
        assert_eq!(fs_err::read(&part).unwrap(), content());
        assert_eq!(*asked.lock().unwrap(), ["", "100000-"]);
    }

    #[test]
    fn a_server_that_goes_on_nowhere_is_asked_for_all() {
        let (url, _) = server(content(), false);
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("part");
        assert!(matches!(one(&url, &part), Err(Stop::Again(_))));
        assert!(one(&url, &part).is_ok());
        assert_eq!(fs_err::read(&part).unwrap(), content());
    }

    #[test]
    fn checksums_decide() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        fs_err::write(&file, "abc").unwrap();
        let url = format!("file://{}", file.display());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let sum = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        assert_eq!(runtime.block_on(fetched(&url, Some(sum), "get it")).unwrap(), file);
        let error = runtime.block_on(fetched(&url, Some("00"), "get it")).unwrap_err();
        assert!(error.to_string().contains("has checksum ba78"), "{error}");
    }
}
