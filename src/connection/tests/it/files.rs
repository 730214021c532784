//! Large files.

use rplay_connection::{ConnectionError, Spec};

use crate::world::{Sshd, names, pool, wait};

fn content() -> Vec<u8> {
    (0..9_000_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_there_and_back() {
    let sshd = Sshd::start();
    let (pool, folder) = pool(true);
    let source = folder.path().join("source");
    std::fs::write(&source, content()).unwrap();
    for spec in [sshd.spec(), Spec::local()] {
        let link = pool.get(&spec).await.unwrap();
        let remote = link.upload(&source).await.unwrap();
        assert_eq!(std::fs::read(remote.path()).unwrap(), content());
        assert_ne!(remote.path(), source.to_str().unwrap());
        let path = remote.path().to_owned();
        let back = folder.path().join("back");
        assert_eq!(link.download(&path, &back).await.unwrap(), 9_000_001);
        assert_eq!(std::fs::read(&back).unwrap(), content());
        drop(remote);
        assert!(wait(|| !std::path::Path::new(&path).exists()), "the uploaded file is still there");
        std::fs::remove_file(&back).unwrap();
    }
    pool.reset(&sshd.spec()).await;
    assert!(wait(|| names(sshd.path("remote")).len() == 1), "{:?}", names(sshd.path("remote")));
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_a_failure_and_not_the_end() {
    let sshd = Sshd::start();
    let (pool, folder) = pool(true);
    let link = pool.get(&sshd.spec()).await.unwrap();
    let target = folder.path().join("target");
    for (path, errno) in [("/no/such/file", libc::ENOENT), ("/etc", libc::EISDIR), ("/dev/null", libc::EINVAL)] {
        let error = link.download(path, &target).await.unwrap_err();
        assert!(matches!(&error, ConnectionError::File { errno: Some(e), .. } if *e == errno), "{error:?}");
        assert!(error.to_string().starts_with(path));
    }
    let error = link.upload(std::path::Path::new("/no/such/file")).await.map(|_| ()).unwrap_err();
    assert!(!error.is_unreachable());
    assert!(!target.exists());
    assert!(link.is_alive());
    pool.reset(&sshd.spec()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_a_file() {
    let (pool, folder) = pool(true);
    let sshd = Sshd::start();
    let link = pool.get(&sshd.spec()).await.unwrap();
    let source = folder.path().join("empty");
    std::fs::write(&source, "").unwrap();
    let remote = link.upload(&source).await.unwrap();
    assert_eq!(std::fs::metadata(remote.path()).unwrap().len(), 0);
    assert_eq!(link.download(remote.path(), &folder.path().join("back")).await.unwrap(), 0);
    pool.reset(&sshd.spec()).await;
}
