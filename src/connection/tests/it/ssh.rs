//! OpenSSH.

use std::time::Duration;

use rplay_connection::{ConnectionError, Pool, Spec};
use rplay_value::Value;

use crate::world::{Sshd, User, kill_master, names, ping, pool, pool_in, run, runs, ssh, wait};

async fn pong(pool: &Pool, spec: &Spec) -> Result<String, ConnectionError> {
    let reply = pool.get(spec).await?.call(ping("hello")).await?;
    Ok(reply.data.get("ping").and_then(Value::as_str).unwrap_or_default().to_owned())
}

async fn unreachable(pool: &Pool, spec: &Spec) -> String {
    let error = pong(pool, spec).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Unreachable { .. }) && error.is_unreachable(), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_uploaded_once_and_nothing_else_is_left() {
    let sshd = Sshd::start();
    let (first, _folder) = pool(true);
    assert_eq!(pong(&first, &sshd.spec()).await.unwrap(), "hello");
    let agent = first.get(&sshd.spec()).await.unwrap().hello().unwrap().clone();
    assert_eq!((agent.user.as_str(), agent.uid), ("root", 0));
    first.close().await;
    assert!(wait(|| !runs(agent.pid)), "the agent is still there");
    let left = names(sshd.path("remote"));
    assert!(left.len() == 1 && left[0].starts_with("agent-"), "{left:?}");

    let changed = || std::fs::metadata(sshd.folder.path().join("remote").join(&left[0])).unwrap().modified().unwrap();
    let before = changed();
    let (second, _folder) = pool(true);
    assert_eq!(pong(&second, &sshd.spec()).await.unwrap(), "hello");
    second.close().await;
    assert_eq!(changed(), before, "it was uploaded again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cache_nothing_is_left() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(false);
    assert_eq!(pong(&pool, &sshd.spec()).await.unwrap(), "hello");
    assert_eq!(names(sshd.path("remote")), [""; 0], "already while it runs");
    pool.close().await;
    assert!(wait(|| !std::path::Path::new(&sshd.path("remote")).exists()), "the folder is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_calls_are_in_flight_and_a_lane_answers_in_order() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let link = pool.get(&sshd.spec()).await.unwrap();
    let lane = link.lane();
    let queued: Vec<_> = (0..200).map(|n| lane.start(ping(&n.to_string()), None)).collect();
    let free: Vec<_> = (0..200).map(|n| link.start(ping(&format!("free {n}")))).collect();
    for (n, pending) in free.into_iter().enumerate() {
        assert_eq!(pending.await.unwrap().data.get("ping").unwrap().as_str(), Some(&*format!("free {n}")));
    }
    for (n, pending) in queued.into_iter().enumerate() {
        assert_eq!(pending.await.unwrap().data.get("ping").unwrap().as_str(), Some(&*n.to_string()));
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_twice_at_once_connects_once() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let spec = sshd.spec();
    let (a, b) = tokio::join!(pool.get(&spec), pool.get(&spec));
    assert_eq!(a.unwrap().hello().unwrap().pid, b.unwrap().hello().unwrap().pid);
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ssh_says_is_what_the_user_sees() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);

    let mut stranger = sshd.spec();
    ssh(&mut stranger).private_key_file = Some(sshd.path("stranger"));
    assert_eq!(
        unreachable(&pool, &stranger).await,
        "Failed to connect to the host via ssh: Warning: Permanently added '[127.0.0.1]:PORT' (ED25519) to the list of known hosts.\n\
         root@127.0.0.1: Permission denied (publickey,password)."
            .replace("PORT", &sshd.port.to_string())
    );

    let closed = Spec { port: Some(1), ..sshd.spec() };
    assert_eq!(
        unreachable(&pool, &closed).await,
        "Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused"
    );

    let mut unknown = sshd.spec();
    std::fs::remove_file(sshd.path("known_hosts")).unwrap();
    ssh(&mut unknown).host_key_checking = true;
    let text = unreachable(&pool, &unknown).await;
    assert!(text.ends_with("Host key verification failed."), "{text}");

    let nowhere = Spec { host: "no-such-host.invalid".into(), ..sshd.spec() };
    let text = unreachable(&pool, &nowhere).await;
    assert!(text.starts_with("Failed to connect to the host via ssh: ssh: Could not resolve hostname"), "{text}");

    let mut option = sshd.spec();
    ssh(&mut option).extra_args = "-o NoSuchOption=1".into();
    assert!(unreachable(&pool, &option).await.contains("Bad configuration option: nosuchoption"));
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_reach_ssh_and_nobody_else() {
    let sshd = Sshd::start();
    let user = User::create(None);
    let (pool, folder) = pool(true);
    let spec = Spec { password: Some(User::PASSWORD.into()), ..sshd.bare(&user.name) };
    assert_eq!(pong(&pool, &spec).await.unwrap(), "hello");
    assert_eq!(pool.get(&spec).await.unwrap().hello().unwrap().user, user.name);
    for process in names("/proc").iter().filter(|name| name.parse::<u32>().is_ok()) {
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(User::PASSWORD), "in {file} of {process}");
        }
    }
    let wrong = Spec { password: Some("not it".into()), ..spec.clone() };
    let text = unreachable(&pool, &wrong).await;
    assert!(text.ends_with("Permission denied (publickey,password)."), "{text}");

    let mut unknown = Spec { password: Some("not it".into()), ..spec.clone() };
    ssh(&mut unknown).host_key_checking = true;
    ssh(&mut unknown).common_args = sshd.common_args().replace("known_hosts", "other_hosts");
    assert!(unreachable(&pool, &unknown).await.starts_with("Using a SSH password instead of a key is not possible"));
    pool.close().await;
    let left: Vec<_> = names(folder.path()).into_iter().filter(|name| name.starts_with("ask-")).collect();
    assert_eq!(left, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_passphrase() {
    let sshd = Sshd::start();
    run(&["ssh-keygen", "-q", "-p", "-f", &sshd.path("key"), "-P", "", "-N", "open sesame"]);
    let (pool, _folder) = pool(true);
    assert!(unreachable(&pool, &sshd.spec()).await.contains("Permission denied"));
    let mut spec = sshd.spec();
    ssh(&mut spec).private_key_passphrase = Some("open sesame".into());
    assert_eq!(pong(&pool, &spec).await.unwrap(), "hello");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_command_in_common_args() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let mut spec = Spec { host: "behind.invalid".into(), ..sshd.spec() };
    let jump = format!(
        "ssh {} -o StrictHostKeyChecking=no -i {} -p {} -W 127.0.0.1:{} root@127.0.0.1",
        sshd.common_args(),
        sshd.path("key"),
        sshd.port,
        sshd.port
    );
    ssh(&mut spec).common_args = format!("{} -o ProxyCommand=\"{jump}\"", sshd.common_args());
    assert_eq!(pong(&pool, &spec).await.unwrap(), "hello");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wish_about_control_masters_works() {
    let sshd = Sshd::start();
    let (pool, folder) = pool(true);
    for args in [
        "-o ControlMaster=no",
        "-S none",
        "-o ForwardAgent=yes",
        &format!("-o ControlPath={}/%C", folder.path().display()),
    ] {
        let mut spec = sshd.spec();
        ssh(&mut spec).args = args.to_owned();
        assert_eq!(pong(&pool, &spec).await.unwrap(), "hello", "{args}");
        let output = pool.raw(&spec, "echo out; echo err >&2; exit 127", None).await.unwrap();
        assert_eq!((output.rc, &*output.stdout), (127, &b"out\n"[..]), "{args}");
    }
    let mut spec = sshd.spec();
    ssh(&mut spec).control_path = Some("%(directory)s/%%h-%%p".into());
    assert_eq!(pong(&pool, &spec).await.unwrap(), "hello");
    assert!(names(folder.path()).contains(&format!("127.0.0.1-{}", sshd.port)));
    pool.reset(&spec).await;
    pool.close().await;
    // Without ControlPersist no master outlives the run.
    assert!(wait(|| names(folder.path()).is_empty()), "{:?}", names(folder.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_persists_is_found_by_the_next_run() {
    let sshd = Sshd::start();
    let (first, folder) = pool(true);
    assert_eq!(pong(&first, &sshd.spec()).await.unwrap(), "hello");
    first.close().await;
    let logins = || std::fs::read_to_string(sshd.path("log")).unwrap().matches("Accepted publickey").count();
    let before = logins();
    let second = pool_in(folder.path(), true);
    assert_eq!(pong(&second, &sshd.spec()).await.unwrap(), "hello");
    assert_eq!((before, logins()), (1, 1));
    second.reset(&sshd.spec()).await;
    assert!(wait(|| names(folder.path()).is_empty()), "{:?}", names(folder.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_reported_and_made_again() {
    let sshd = Sshd::start();
    let (pool, folder) = pool(true);
    let link = pool.get(&sshd.spec()).await.unwrap();
    let agent = link.hello().unwrap().pid;
    kill_master(folder.path());
    assert!(wait(|| !link.is_alive()));
    let error = link.call(ping("x")).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Lost { .. }), "{error:?}");
    assert!(wait(|| !runs(agent)), "the agent outlived its connection");
    assert_eq!(pong(&pool, &sshd.spec()).await.unwrap(), "hello");
    pool.reset(&sshd.spec()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_talks_does_not_disturb() {
    let sshd = Sshd::start();
    let user = User::create(None);
    std::fs::write(user.home().join(".bashrc"), "echo welcome; printf 'no line end'; echo watch out >&2\n").unwrap();
    let (pool, _folder) = pool(true);
    let spec = Spec { password: Some(User::PASSWORD.into()), ..sshd.bare(&user.name) };
    assert_eq!(pong(&pool, &spec).await.unwrap(), "hello");
    pool.close().await;
    assert_eq!(pong(&pool, &spec).await.unwrap(), "hello", "a closed pool connects anew");
    pool.reset(&spec).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_where_programs_cannot_be_is_explained() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let spec = Spec { remote_tmp: Some("/proc/nowhere".into()), ..sshd.spec() };
    let error = pong(&pool, &spec).await.unwrap_err();
    assert!(error.to_string().contains("/proc/nowhere"), "{error}");
    pool.reset(&spec).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_wait_for_a_host_that_is_coming_up() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let mut spec = sshd.spec();
    // The first attempt finds no proxy; the second, a moment later, does.
    let flag = sshd.path("up");
    let script = sshd.path("proxy");
    std::fs::write(&script, format!("#!/bin/bash\n[ -e {flag} ] || {{ touch {flag}; exit 1; }}\nexec 3<>/dev/tcp/127.0.0.1/{}\ncat <&3 & cat >&3\n", sshd.port)).unwrap();
    run(&["chmod", "755", &script]);
    ssh(&mut spec).extra_args = format!("-o ProxyCommand={script}");
    assert!(unreachable(&pool, &spec).await.starts_with("Failed to connect to the host via ssh:"));
    std::fs::remove_file(&flag).unwrap();
    let spec = Spec { retries: 1, ..spec };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), pong(&pool, &spec)).await.unwrap().unwrap(), "hello");
    pool.reset(&spec).await;
}
