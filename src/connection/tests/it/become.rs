//! Becoming other users.

use rplay_connection::{Become, ConnectionError, Method, Pool, Spec};

use crate::world::{Sshd, User, names, ping, pool, runs, wait};

fn becoming(spec: &Spec, method: Method, user: &str, password: Option<&str>) -> Spec {
    let r#become = Become { password: password.map(Into::into), ..Become::new(method, user) };
    Spec { r#become: Some(r#become), ..spec.clone() }
}

async fn who(pool: &Pool, spec: &Spec) -> Result<String, ConnectionError> {
    let link = pool.get(spec).await?;
    assert!(!link.call(ping("hello")).await?.failed);
    Ok(link.hello().unwrap().user.clone())
}

async fn refused(pool: &Pool, spec: &Spec) -> String {
    let error = who(pool, spec).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Become { .. }) && !error.is_unreachable(), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn sudo_with_a_password() {
    let sshd = Sshd::start();
    let user = User::create(Some("ALL=(ALL) ALL"));
    let (pool, _folder) = pool(true);
    let login = Spec { password: Some(User::PASSWORD.into()), ..sshd.bare(&user.name) };
    assert_eq!(refused(&pool, &becoming(&login, Method::Sudo, "root", None)).await, "Missing sudo password");
    assert_eq!(refused(&pool, &becoming(&login, Method::Sudo, "root", Some("wrong"))).await, "Incorrect sudo password");
    let root = becoming(&login, Method::Sudo, "root", Some(User::PASSWORD));
    assert_eq!(who(&pool, &root).await.unwrap(), "root");
    // The login user's own link is another one, and the child is kept.
    assert_eq!(who(&pool, &login).await.unwrap(), user.name);
    let child = pool.get(&root).await.unwrap().hello().unwrap().pid;
    assert_eq!(pool.get(&root).await.unwrap().hello().unwrap().pid, child);
    pool.close().await;
    assert!(wait(|| !runs(child)), "the child is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn su_with_a_password() {
    let sshd = Sshd::start();
    let (user, target) = (User::create(None), User::create(None));
    let (pool, _folder) = pool(true);
    let login = Spec { password: Some(User::PASSWORD.into()), ..sshd.bare(&user.name) };
    assert_eq!(refused(&pool, &becoming(&login, Method::Su, &target.name, None)).await, "Missing su password");
    assert_eq!(
        refused(&pool, &becoming(&login, Method::Su, &target.name, Some("wrong"))).await,
        "Incorrect su password"
    );
    let spec = becoming(&login, Method::Su, &target.name, Some(User::PASSWORD));
    assert_eq!(who(&pool, &spec).await.unwrap(), target.name);
    // Frames of every size and content pass the terminal unchanged.
    let link = pool.get(&spec).await.unwrap();
    let data: String = (0..300_000_u32).map(|n| char::from_u32(n % 0x250).unwrap_or('x')).collect();
    let reply = link.call(ping(&data)).await.unwrap();
    assert_eq!(reply.data.get("ping").unwrap().as_str(), Some(&*data));
    let child = link.hello().unwrap().pid;
    drop(link);
    pool.close().await;
    assert!(wait(|| !runs(child)), "the child is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_cannot_reach_the_agent_gets_a_copy() {
    let sshd = Sshd::start();
    let target = User::create(None);
    for keep in [true, false] {
        let (pool, _folder) = pool(keep);
        // Root's folder, which nobody else may enter.
        for method in [Method::Sudo, Method::Su] {
            let spec = becoming(&sshd.spec(), method, &target.name, None);
            assert_eq!(who(&pool, &spec).await.unwrap(), target.name);
        }
        pool.reset(&sshd.spec()).await;
    }
    let copies = |folder: &str| names(folder).into_iter().filter(|name| name.starts_with(".rplay-agent-")).count();
    assert_eq!((copies("/tmp"), copies("/var/tmp"), copies("/dev/shm")), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_program_says_is_what_the_user_sees() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let text = refused(&pool, &becoming(&sshd.spec(), Method::Sudo, "nosuchuser", None)).await;
    assert!(text.contains("unknown user") && text.contains("nosuchuser"), "{text}");
    let text = refused(&pool, &becoming(&sshd.spec(), Method::Su, "nosuchuser", None)).await;
    assert!(text.contains("nosuchuser"), "{text}");
    let text = refused(&pool, &becoming(&sshd.spec(), Method::Doas, "root", None)).await;
    assert_eq!(text, "doas: command not found");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_dies_is_replaced() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let spec = becoming(&sshd.spec(), Method::Sudo, "root", None);
    let link = pool.get(&spec).await.unwrap();
    let pid = link.hello().unwrap().pid;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert!(wait(|| !link.is_alive()));
    let error = link.call(ping("x")).await.unwrap_err();
    assert!(matches!(&error, ConnectionError::Lost { host, .. } if host == "127.0.0.1"), "{error:?}");
    assert_eq!(who(&pool, &spec).await.unwrap(), "root");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_becomes_too() {
    let sshd = Sshd::start();
    let user = User::create(Some("ALL=(ALL) ALL"));
    let (pool, _folder) = pool(true);
    let login = Spec { password: Some(User::PASSWORD.into()), ..sshd.bare(&user.name) };
    let raw = |password: Option<&'static str>| {
        let (pool, spec) = (&pool, becoming(&login, Method::Sudo, "root", password));
        async move { pool.raw(&spec, "id -un; echo 'a  b' >&2", None).await }
    };
    let output = raw(Some(User::PASSWORD)).await.unwrap();
    assert_eq!((output.rc, &*output.stdout, &*output.stderr), (0, &b"root\n"[..], &b"a  b\n"[..]));
    assert_eq!(raw(None).await.unwrap_err().to_string(), "Missing sudo password");
    assert_eq!(raw(Some("wrong")).await.unwrap_err().to_string(), "Incorrect sudo password");
    pool.close().await;
}
