//! A cluster's life on a real PostgreSQL: made, killed, left behind, stopped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use private_postgres::{Cluster, Error, Profile, Settings};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("private-postgres-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn testing() -> Settings {
    Settings { profile: Profile::Testing, ..Settings::default() }
}

fn lives(pid: u32) -> bool {
    // A zombie has no command line any more.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}

async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn accepts(cluster: &Cluster) -> bool {
    let url = cluster.owner_url();
    let socket = url.split("host=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    std::os::unix::net::UnixStream::connect(Path::new(&socket).join(".s.PGSQL.5432")).is_ok()
}

#[tokio::test]
async fn a_cluster_starts_keeps_others_out_and_stops() {
    let folder = Folder::new("life");
    let cluster = Cluster::start(&folder.0, testing()).await.unwrap();
    assert!(accepts(&cluster));
    let refused = Cluster::start(&folder.0, testing()).await.unwrap_err();
    assert!(matches!(refused, Error::InUse(_)), "{refused}");

    assert_eq!(Cluster::url_beside(&folder.0, "postgres", "postgres").unwrap(), cluster.owner_url());

    let pid = cluster.pid().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(cluster.pid(), Some(pid), "it goes on running by itself");
    cluster.stop().await.unwrap();
    assert!(!lives(pid));
    assert_eq!(Cluster::url_beside(&folder.0, "postgres", "postgres"), None);
    assert!(!folder.0.join("data/postmaster.pid").exists(), "it was not stopped cleanly");

    let again = Cluster::start(&folder.0, testing()).await.unwrap();
    assert!(accepts(&again));
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_postgres_comes_back_by_itself() {
    let folder = Folder::new("killed");
    let cluster = Cluster::start(&folder.0, testing()).await.unwrap();
    for _ in 0..2 {
        let pid = cluster.pid().unwrap();
        kill("KILL", pid);
        eventually("PostgreSQL is back", || {
            cluster.pid().is_some_and(|now| now != pid && lives(now)) && accepts(&cluster)
        })
        .await;
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_cluster_does_not_outlive_its_owner() {
    let folder = Folder::new("dropped");
    let cluster = Cluster::start(&folder.0, testing()).await.unwrap();
    let pid = cluster.pid().unwrap();
    drop(cluster);
    eventually("PostgreSQL is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn a_killed_owner_takes_postgres_along_and_the_next_one_starts() {
    let folder = Folder::new("owner");
    let mut owner = Command::new(env!("CARGO_BIN_EXE_private-postgres"))
        .arg("dev")
        .arg(&folder.0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid_file = folder.0.join("data/postmaster.pid");
    let running = || -> Option<u32> {
        let text = std::fs::read_to_string(&pid_file).ok()?;
        (text.lines().nth(7)?.trim() == "ready").then(|| text.lines().next()?.trim().parse().ok()).flatten()
    };
    eventually("PostgreSQL is up", || running().is_some()).await;
    let pid = running().unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    // The next owner does not wait for the former's PostgreSQL to be gone: it sees to that itself.
    let next = Cluster::start(&folder.0, testing()).await.unwrap();
    assert!(!lives(pid));
    assert!(accepts(&next));
    next.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_with_a_long_name_has_its_socket_elsewhere() {
    let folder = Folder::new(&"long".repeat(30));
    let cluster = Cluster::start(&folder.0, testing()).await.unwrap();
    assert!(accepts(&cluster));
    let socket = cluster.owner_url().split("host=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    cluster.stop().await.unwrap();
    std::fs::remove_dir_all(socket).unwrap();
}

#[test]
fn a_command_runs_beside_a_cluster_and_its_status_is_passed_on() {
    let folder = Folder::new("run");
    let status = Command::new(env!("CARGO_BIN_EXE_private-postgres"))
        .arg("run")
        .arg(&folder.0)
        .args(["--", "sh", "-c", "case $TEST_DATABASE_URL in postgresql:*) exit 7;; esac"])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(7));
    assert!(!folder.0.join("data/postmaster.pid").exists());
}
