//! Whether the power may have failed since somebody last had the database of this machine.
//!
//! A process that is killed loses nothing that it has written: the system has it. If the system itself goes, what nobody
//! waited for may be lost. So the lock file says during which boot of the system the database was last open.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

/// `random(4)`: another one after each boot.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Whether all that was ever written is there: the log is empty, since whoever had the database has closed it, or the
/// system has been running since.
pub(super) fn has_lost_nothing(database: &Path, lock: &File) -> bool {
    is_closed(database) || boot().is_some_and(|boot| noted(lock).as_deref() == Some(&boot[..]))
}

/// Remembers during which boot the database is open. If that cannot be remembered, nothing is believed of it later.
pub(super) fn note_boot(mut lock: &File) {
    let text = boot().unwrap_or_default();
    let written = lock.set_len(0).and_then(|()| lock.rewind());
    if let Err(error) = written.and_then(|()| lock.write_all(text.as_bytes())) {
        tracing::debug!(%error, "the lock file of the database cannot be written");
    }
}

fn is_closed(database: &Path) -> bool {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |log| log.len() == 0)
}

fn boot() -> Option<String> {
    let boot = std::fs::read_to_string(BOOT).ok()?;
    Some(boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}

fn noted(mut lock: &File) -> Option<String> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.take(100).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_log_of_an_earlier_boot_may_have_lost_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let (database, log) = (dir.path().join("a.db"), dir.path().join("a.db-wal"));
        let mut open = File::options();
        open.create(true).truncate(false).read(true).write(true);
        let lock = open.open(dir.path().join("a.db.lock")).unwrap();
        assert!(has_lost_nothing(&database, &lock), "there is no log");
        std::fs::write(&log, "what was written last").unwrap();
        assert!(!has_lost_nothing(&database, &lock), "nobody has said when that was");
        note_boot(&lock);
        assert!(has_lost_nothing(&database, &lock));
        std::fs::write(dir.path().join("a.db.lock"), "another boot").unwrap();
        assert!(!has_lost_nothing(&database, &lock));
        std::fs::write(&log, "").unwrap();
        assert!(has_lost_nothing(&database, &lock));
    }
}
