//! What another process has used.

use std::fs;

/// CPU time of all its threads, in microseconds.
pub fn cpu_us(pid: u32) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks: f64 = [11, 12].iter().map(|field| fields[*field].parse::<f64>().unwrap()).sum();
    ticks / TICKS_A_SECOND * 1e6
}

/// The memory that it has now, in MiB.
pub fn resident_mib(pid: u32) -> u64 {
    mib(pid, "VmRSS:")
}

/// The most memory that it has had since [`forget_peak`], in MiB.
pub fn peak_mib(pid: u32) -> u64 {
    mib(pid, "VmHWM:")
}

/// Counts the most memory from now on.
pub fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

fn mib(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
