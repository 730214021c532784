//! Containers, through a client program that stands in for Docker's.

use rplay_connection::{ConnectionError, Docker, Kind, Spec};

use crate::world::{ping, pool, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_client_is_called_as_docker_wants_it() {
    let (pool, folder) = pool(true);
    let client = folder.path().join("docker");
    let log = folder.path().join("log");
    let script = format!(
        "#!/bin/sh\necho \"$@\" | head -n 1 | cut -c1-60 >> {}\n[ \"$6\" = box ] || {{ echo \"Error: No such container: $6\" >&2; exit 1; }}\n\
         shift 6; exec \"$@\"\n",
        log.display()
    );
    std::fs::write(&client, script).unwrap();
    run(&["chmod", "755", client.to_str().unwrap()]);
    let docker = Docker { executable: client.to_str().unwrap().to_owned(), extra_args: "--debug".into() };
    let remote = folder.path().join("remote").to_str().unwrap().to_owned();
    let spec =
        Spec { kind: Kind::Docker(docker), user: Some("bob".into()), remote_tmp: Some(remote), ..Spec::docker("box") };
    assert!(!pool.get(&spec).await.unwrap().call(ping("x")).await.unwrap().failed);
    assert_eq!(pool.raw(&spec, "echo $((6 * 7))", None).await.unwrap().stdout, b"42\n");
    let calls = std::fs::read_to_string(&log).unwrap();
    assert!(calls.starts_with("--debug exec -i -u bob box /bin/sh -c"), "{calls}");
    pool.close().await;

    let missing = Spec { host: "nobox".into(), ..spec };
    let error = pool.get(&missing).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, ConnectionError::Unreachable { reason, .. } if reason.contains("No such container: nobox")),
        "{error:?}"
    );
}
