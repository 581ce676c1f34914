//! Secrets that this server made for itself: files that only it can read, never in the database.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// 32 secret bytes. Shows nothing of them in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8; 32]>);

impl Secret {
    /// A secret of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// The secrets of one server, by name. Each is made when it is first asked for, and can be rotated: the former one stays
/// readable, so that what it signed or sealed is still understood.
#[derive(Clone, Debug)]
pub struct Keys {
    folder: Option<Arc<PathBuf>>,
    known: Arc<Mutex<BTreeMap<String, Secret>>>,
}

impl Keys {
    /// Keeps secrets as files of mode 600 in this folder, which is made where it is missing.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            if let Some(above) = folder.parent() {
                fs::create_dir_all(above)?;
            }
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        Ok(Self { folder: Some(Arc::new(folder.to_owned())), known: Arc::default() })
    }

    /// Keeps secrets in memory only, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { folder: None, known: Arc::default() }
    }

    /// The secret of this name; made now where there is none. Two processes that ask at once get the same one.
    pub fn secret(&self, name: &str) -> io::Result<Secret> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known.get(name) {
            return Ok(secret.clone());
        }
        let secret = match self.file(name) {
            None => Secret::new(rand::random()),
            Some(file) => match read(&file)? {
                Some(secret) => secret,
                None => make(&file, &rand::random())?,
            },
        };
        known.insert(name.to_owned(), secret.clone());
        Ok(secret)
    }

    /// The secret of this name, where there is one already.
    pub fn existing(&self, name: &str) -> io::Result<Option<Secret>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known.get(name) {
            return Ok(Some(secret.clone()));
        }
        let Some(secret) = self.file(name).map(|file| read(&file)).transpose()?.flatten() else {
            return Ok(None);
        };
        known.insert(name.to_owned(), secret.clone());
        Ok(Some(secret))
    }

    /// The secret that this one replaced, where it was rotated.
    pub fn former(&self, name: &str) -> io::Result<Option<Secret>> {
        self.existing(&format!("{name}.former"))
    }

    /// Keeps a secret that came from elsewhere under this name, in place of what was there.
    pub fn keep(&self, name: &str, secret: &Secret) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.file(name) {
            let fresh = file.with_extension("new");
            // One that a crash left behind.
            match fs::remove_file(&fresh) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            write(&fresh, secret.bytes())?;
            fs::rename(&fresh, &file)?;
            sync_folder(&file)?;
        }
        known.insert(name.to_owned(), secret.clone());
        Ok(())
    }

    /// Makes a new secret under this name; the one before is then `former`, and the one before that is forgotten.
    /// Processes that run already go on with what they read until they start again.
    pub fn rotate(&self, name: &str) -> io::Result<Secret> {
        let before = self.secret(name)?;
        self.keep(&format!("{name}.former"), &before)?;
        let fresh = Secret::new(rand::random());
        self.keep(name, &fresh)?;
        Ok(fresh)
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{name}.key")))
    }
}

fn read(file: &Path) -> io::Result<Option<Secret>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "{} can be read by others (mode {:o}); make it 600",
            file.display(),
            mode & 0o777
        )));
    }
    let bytes = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| io::Error::other(format!("{} is not a key of 32 bytes", file.display())))?;
    Ok(Some(Secret::new(bytes)))
}

/// Writes the key beside its place and links it there: it is whole or absent, and the first of two makers wins.
fn make(file: &Path, bytes: &[u8; 32]) -> io::Result<Secret> {
    let fresh = file.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    write(&fresh, bytes)?;
    let linked = fs::hard_link(&fresh, file);
    fs::remove_file(&fresh)?;
    match linked {
        Ok(()) => {
            sync_folder(file)?;
            Ok(Secret::new(*bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(file)?.ok_or_else(|| io::Error::other("a key vanished while it was made"))
        }
        Err(error) => Err(error),
    }
}

fn write(file: &Path, bytes: &[u8; 32]) -> io::Result<()> {
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(bytes)?;
    out.sync_all()
}

fn sync_folder(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);
    impl Folder {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("keys-{:032x}", rand::random::<u128>())))
        }
    }
    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = Folder::new();
        let first = Keys::open(&folder.0).unwrap().secret("token").unwrap();
        let again = Keys::open(&folder.0).unwrap().secret("token").unwrap();
        assert!(first == again);
        let mode = fs::metadata(folder.0.join("token.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder.0).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = Folder::new();
        Keys::open(&folder.0).unwrap().secret("token").unwrap();
        fs::set_permissions(folder.0.join("token.key"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Keys::open(&folder.0).unwrap().secret("token").is_err());
    }

    #[test]
    fn a_rotated_key_leaves_the_former_one_readable() {
        let folder = Folder::new();
        let keys = Keys::open(&folder.0).unwrap();
        let first = keys.secret("token").unwrap();
        assert!(keys.former("token").unwrap().is_none());
        let second = keys.rotate("token").unwrap();
        assert!(first != second);
        let reopened = Keys::open(&folder.0).unwrap();
        assert!(reopened.secret("token").unwrap() == second);
        assert!(reopened.former("token").unwrap() == Some(first));
    }

    #[test]
    fn a_secret_is_not_told_to_logs() {
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "Secret(…)");
    }

    #[test]
    fn makers_at_the_same_time_agree_on_one_key() {
        let folder = Folder::new();
        let made: Vec<Secret> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Keys::open(&folder.0).unwrap().secret("token").unwrap()))
                .collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(made.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
