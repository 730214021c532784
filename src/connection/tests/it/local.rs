//! This machine.

use rplay_connection::{Become, Method, Spec};

use crate::world::{User, ping, pool, runs, wait};

#[tokio::test(flavor = "multi_thread")]
async fn modules_run_in_this_process() {
    let (pool, _folder) = pool(true);
    let link = pool.get(&Spec::local()).await.unwrap();
    assert!(link.hello().is_none());
    let lane = link.lane();
    let pending: Vec<_> = (0..200).map(|n| lane.start(ping(&n.to_string()), None)).collect();
    for (n, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.await.unwrap().data.get("ping").unwrap().as_str(), Some(&*n.to_string()));
    }
    assert!(link.call(ping("crash")).await.unwrap().failed);
    let output = link.raw("echo hello; exit 3", None).await.unwrap();
    assert_eq!((output.rc, &*output.stdout), (3, &b"hello\n"[..]));
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn becoming_needs_an_agent_here_too() {
    let user = User::create(None);
    let (pool, _folder) = pool(true);
    let r#become = Become::new(Method::Sudo, &user.name);
    let spec = Spec { r#become: Some(r#become), ..Spec::local() };
    let link = pool.get(&spec).await.unwrap();
    let hello = link.hello().unwrap().clone();
    assert_eq!(hello.user, user.name);
    assert!(!link.call(ping("x")).await.unwrap().failed);
    pool.close().await;
    assert!(wait(|| !runs(hello.pid)), "the agent is still there");
}
