//! A Secret as the kubelet mounts it: a link to a directory, which is exchanged as a whole.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

/// The group of the pod, as `fsGroup` says it.
const GROUP: u32 = 65532;

pub struct MountedSecret {
    pub directory: PathBuf,
    versions: u32,
}

impl MountedSecret {
    pub fn new(directory: &Path, files: &[(&str, &[u8])]) -> Self {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        let mut secret = Self { directory: directory.to_owned(), versions: 0 };
        secret.exchange(files);
        for (name, _) in files {
            symlink(format!("..data/{name}"), directory.join(name)).unwrap();
        }
        secret
    }

    /// What `kubectl apply` comes to, about a minute later.
    pub fn exchange(&mut self, files: &[(&str, &[u8])]) {
        self.versions += 1;
        let version = format!("..version-{}", self.versions);
        let place = self.directory.join(&version);
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        for (name, bytes) in files {
            let file = place.join(name);
            fs::write(&file, bytes).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
            chown(&file, Some(0), Some(GROUP)).unwrap();
        }
        let link = self.directory.join("..data_tmp");
        symlink(&version, &link).unwrap();
        fs::rename(&link, self.directory.join("..data")).unwrap();
    }
}
