//! File descriptors, of which each connection takes one, and another one to an application while that answers.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database, the log, the control socket, lists that are sorted, clouds that are read.
const OTHERS: u64 = 500;

/// Takes as many as this process may have: what it is given at first is for programs that use `select(2)`.
pub fn raise_limits() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the number of file descriptors stays as it is");
    }
}

/// What is wrong if this process may not have a descriptor for each of so many connections, and one to an application for
/// half of them.
#[must_use]
pub fn too_few_descriptors(connections: usize) -> Option<String> {
    let most = getrlimit(Resource::Nofile).maximum?;
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    let needed = connections.saturating_add(connections / 2).saturating_add(OTHERS);
    (most < needed).then(|| {
        format!(
            "{connections} connections need {needed} file descriptors, and a process that is started like this one may \
             have {most}: raise the limit (LimitNOFILE= of systemd, ulimit -Hn), or lower max_connections"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_told_and_what_there_is_is_taken() {
        assert_eq!(too_few_descriptors(1), None);
        let told = too_few_descriptors(1 << 40).unwrap();
        assert!(told.contains("LimitNOFILE"), "{told}");
        raise_limits();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
