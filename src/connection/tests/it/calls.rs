//! What happens to running modules: stopped, timed out, listened to, abandoned.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rplay_connection::{Attachment, Become, Call, Live, Method, OutputLine, Spec};
use rplay_value::Map;
use tokio::sync::mpsc;

use crate::world::{Sshd, kill_master, names, ping, pool, pool_in, run, runs, shell, wait};

/// A shell that writes its process id to a file and then sleeps.
fn sleeper(file: &Path) -> Call {
    shell(&format!("echo $$ > {0}.new && mv {0}.new {0} && sleep 1000", file.display()))
}

fn sleeping(file: &Path) -> u32 {
    assert!(wait(|| file.exists()), "the module did not start");
    std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_nobody_waits_for_is_stopped() {
    let sshd = Sshd::start();
    let (pool, folder) = pool(true);
    for (n, spec) in [sshd.spec(), Spec::local()].into_iter().enumerate() {
        let link = pool.get(&spec).await.unwrap();
        let file = folder.path().join(format!("pid-{n}"));
        let pending = link.start(sleeper(&file));
        let pid = sleeping(&file);
        assert!(runs(pid));
        drop(pending);
        assert!(wait(|| !runs(pid)), "the program is still there");
        assert!(!link.call(ping("x")).await.unwrap().failed);
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_a_failure() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    for spec in [sshd.spec(), Spec::local()] {
        let link = pool.get(&spec).await.unwrap();
        let started = Instant::now();
        let reply = link.call(Call { timeout: Some(1), ..shell("sleep 1000") }).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(15));
        let msg = reply.data.get("msg").unwrap().as_str().unwrap().to_owned();
        assert!(reply.failed && msg.contains("expected time frame (1)"), "{msg}");
    }
    pool.close().await;
}

fn listener() -> (Live, mpsc::UnboundedReceiver<OutputLine>) {
    let (sender, lines) = mpsc::unbounded_channel();
    let live = move |new: Vec<OutputLine>| new.into_iter().for_each(|line| drop(sender.send(line)));
    (Arc::new(live), lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_output_is_heard_while_the_command_runs() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    for spec in [sshd.spec(), Spec::local()] {
        let (live, mut lines) = listener();
        let mut running = std::pin::pin!(pool.raw(&spec, "echo one; sleep 1; printf 't\\377wo\\n' >&2", Some(&live)));
        tokio::select! {
            line = lines.recv() => assert_eq!(line.map(|l| (l.stderr, l.text)), Some((false, "one".to_owned()))),
            output = &mut running => panic!("{output:?}"),
        }
        let output = running.await.unwrap();
        assert_eq!((output.stdout, output.stderr), (b"one\n".to_vec(), b"t\xffwo\n".to_vec()));
        assert_eq!(lines.recv().await.map(|l| (l.stderr, l.text)), Some((true, "t\u{fffd}wo".to_owned())));
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_heard_while_the_program_runs() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    for spec in [sshd.spec(), Spec::local()] {
        let (live, mut lines) = listener();
        let link = pool.get(&spec).await.unwrap();
        let mut pending = link.start_live(shell("echo one; echo two >&2; sleep 1000"), Some(live));
        for (stderr, text) in [(false, "one"), (true, "two")] {
            tokio::select! {
                line = lines.recv() => assert_eq!(line.map(|l| (l.stderr, l.text)), Some((stderr, text.to_owned()))),
                reply = &mut pending => panic!("{reply:?}"),
            }
        }
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_do_not_mix() {
    let sshd = Sshd::start();
    let (pool, _folder) = pool(true);
    let link = pool.get(&sshd.spec()).await.unwrap();
    let with = |value: &str| Call {
        environment: [("WHO".to_owned(), value.to_owned())].into(),
        ..shell("sleep 0.1; echo $WHO")
    };
    let (a, b) = (link.start(with("a")), link.start(with("b")));
    for (pending, want) in [(a, "a"), (b, "b")] {
        assert_eq!(pending.await.unwrap().data.get("stdout").unwrap().as_str(), Some(want));
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_connection_leaves_no_process() {
    let sshd = Sshd::start();
    let (pool, folder) = pool(true);
    let root = Spec { r#become: Some(Become::new(Method::Sudo, "root")), ..sshd.spec() };
    let mut agents = Vec::new();
    let mut programs = Vec::new();
    let mut pending = Vec::new();
    for (n, spec) in [sshd.spec(), root].iter().enumerate() {
        let link = pool.get(spec).await.unwrap();
        let file = folder.path().join(format!("pid-{n}"));
        pending.push(link.start(sleeper(&file)));
        programs.push(sleeping(&file));
        agents.push(link.hello().unwrap().pid);
    }
    kill_master(folder.path());
    for pid in agents.into_iter().chain(programs) {
        assert!(wait(|| !runs(pid)), "process {pid} is still there");
    }
    for one in pending {
        assert!(one.await.unwrap_err().is_unreachable());
    }
}

/// Runs as another process, to be killed. See the next test.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the victim of killing_rplay_leaves_no_process"]
async fn victim() {
    let Ok(text) = std::env::var("RPLAY_TEST_VICTIM") else { return };
    let [port, folder, file] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let pool = pool_in(Path::new(folder), true);
    let mut spec = Spec { port: Some(port.parse().unwrap()), user: Some("root".into()), ..Spec::ssh("127.0.0.1") };
    spec.remote_tmp = Some(format!("{folder}/remote"));
    let ssh = crate::world::ssh(&mut spec);
    ssh.private_key_file = Some(format!("{folder}/key"));
    ssh.common_args = "-F /dev/null -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o IdentityAgent=none".into();
    ssh.host_key_checking = false;
    let link = pool.get(&spec).await.unwrap();
    std::fs::write(format!("{file}.agent"), link.hello().unwrap().pid.to_string()).unwrap();
    link.call(sleeper(Path::new(file))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_rplay_leaves_no_process() {
    let sshd = Sshd::start();
    let (_pool, folder) = pool(true);
    let file = folder.path().join("pid");
    std::fs::copy(sshd.path("key"), folder.path().join("key")).unwrap();
    run(&["chmod", "600", folder.path().join("key").to_str().unwrap()]);
    let mut rplay = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "calls::victim", "--ignored"])
        .env("RPLAY_TEST_VICTIM", format!("{} {} {}", sshd.port, folder.path().display(), file.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let program = sleeping(&file);
    let agent: u32 = std::fs::read_to_string(folder.path().join("pid.agent")).unwrap().parse().unwrap();
    assert!(runs(program) && runs(agent));
    rplay.kill().unwrap();
    rplay.wait().unwrap();
    for pid in [program, agent] {
        assert!(wait(|| !runs(pid)), "process {pid} is still there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_cut_short_leaves_the_old_file_or_the_new_one() {
    let sshd = Sshd::start();
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("file");
    let versions: Vec<Vec<u8>> = (0..2_u8).map(|n| vec![b'a' + n; 12 << 20]).collect();
    let mut written = 0;
    for round in 0..8_u64 {
        std::fs::write(&file, &versions[0]).unwrap();
        let (pool, folder) = pool(true);
        let link = pool.get(&sshd.spec()).await.unwrap();
        let agent = link.hello().unwrap().pid;
        let mut call = Call { module: "ansible.builtin.copy".into(), ..Call::default() };
        call.args = Map::from_iter([("dest", file.to_str().unwrap())]);
        call.attachments.push(Attachment { name: "src".into(), content: versions[1].clone(), ..Attachment::default() });
        let pending = link.start(call);
        tokio::time::sleep(Duration::from_millis(round * 40)).await;
        kill_master(folder.path());
        drop(pending);
        assert!(wait(|| !runs(agent)), "the agent is still there");
        let found = std::fs::read(&file).unwrap();
        assert!(versions.contains(&found), "a part of the file after {} ms", round * 40);
        written += usize::from(found == versions[1]);
        assert_eq!(names(target.path()), ["file"]);
    }
    assert!(written < 8, "no copy was cut short");
}

/// Prints what things cost here: `cargo test -p rplay-connection --test it figures -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn figures() {
    let sshd = Sshd::start();
    let spec = sshd.spec();
    let milliseconds = |since: Instant| since.elapsed().as_secs_f64() * 1000.0;
    for what in ["login, upload", "login, agent there", "login, agent there"] {
        let (pool, _folder) = pool(true);
        let started = Instant::now();
        pool.get(&spec).await.unwrap();
        println!("connect ({what}): {:.1} ms", milliseconds(started));
        pool.reset(&spec).await;
    }
    let (first, folder) = pool(true);
    first.get(&spec).await.unwrap();
    first.close().await;
    let second = pool_in(folder.path(), true);
    let started = Instant::now();
    let link = second.get(&spec).await.unwrap();
    println!("connect (control master and agent there): {:.1} ms", milliseconds(started));
    let local = second.get(&Spec::local()).await.unwrap();
    for (name, link) in [("ssh", &link), ("local", &local)] {
        for _ in 0..200 {
            link.call(ping("warm")).await.unwrap();
        }
        let started = Instant::now();
        for _ in 0..2000 {
            link.call(ping("x")).await.unwrap();
        }
        println!("{name}: one call after the other: {:.3} ms each", milliseconds(started) / 2000.0);
        let started = Instant::now();
        let lane = link.lane();
        let all: Vec<_> = (0..5000).map(|_| lane.start(ping("x"), None)).collect();
        for one in all {
            one.await.unwrap();
        }
        println!("{name}: 5000 calls in a lane: {:.3} ms each", milliseconds(started) / 5000.0);
    }
    let started = Instant::now();
    second.get(&Spec { r#become: Some(Become::new(Method::Sudo, "root")), ..spec.clone() }).await.unwrap();
    println!("become root by sudo: {:.1} ms", milliseconds(started));
    let source = folder.path().join("large");
    std::fs::write(&source, vec![7; 64 << 20]).unwrap();
    let started = Instant::now();
    let remote = link.upload(&source).await.unwrap();
    println!("upload of 64 MiB: {:.0} ms", milliseconds(started));
    let started = Instant::now();
    link.download(remote.path(), &folder.path().join("back")).await.unwrap();
    println!("download of 64 MiB: {:.0} ms", milliseconds(started));
    drop(remote);
    second.reset(&spec).await;
}
