//! Whom PostgreSQL runs as: it refuses to run as root.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;
use std::{fs, io};

/// A user of this machine, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The name of the user that is made where the machine has none to run PostgreSQL as.
const OWN_USER: &str = "tradepost-pg";

/// Whom to become, where this process is root; nobody otherwise.
pub(crate) fn to_become() -> io::Result<Option<User>> {
    if !is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    if let Some(user) = find(&passwd, "postgres").or_else(|| find(&passwd, OWN_USER)) {
        return Ok(Some(user));
    }
    let made = Command::new("useradd")
        .args([
            "--system",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
            OWN_USER,
        ])
        .status();
    match made {
        Ok(status) if status.success() => {}
        _ => {
            return Err(io::Error::other(format!(
                "PostgreSQL refuses to run as root, there is no user postgres, and {OWN_USER} could not be made: run as another user"
            )));
        }
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    find(&passwd, OWN_USER).map(Some).ok_or_else(|| io::Error::other("the user that was made is not there"))
}

fn is_root() -> bool {
    // A file that this process makes belongs to its effective user; /proc/self does too, where there is one.
    if let Ok(own) = fs::metadata("/proc/self") {
        return own.uid() == 0;
    }
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == b"0")
}

fn find(passwd: &str, name: &str) -> Option<User> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(User { uid, gid })
    })
}

/// Gives a file or folder to the user, where there is one to become.
pub(crate) fn give(path: &Path, user: Option<User>) -> io::Result<()> {
    match user {
        Some(user) => chown(path, Some(user.uid), Some(user.gid)),
        None => Ok(()),
    }
}

/// Whether this user can reach into a folder: each folder on the way lets others pass, or is theirs.
pub(crate) fn can_reach(path: &Path, user: User) -> bool {
    path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).all(|folder| {
        fs::metadata(folder).is_ok_and(|folder| {
            folder.mode() & 0o001 != 0
                || (folder.uid() == user.uid && folder.mode() & 0o100 != 0)
                || (folder.gid() == user.gid && folder.mode() & 0o010 != 0)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_root_is_never_one() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        assert_eq!(find(passwd, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(find(passwd, "root"), None);
        assert_eq!(find(passwd, "nobody"), None);
    }
}
