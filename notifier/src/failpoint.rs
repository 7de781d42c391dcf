//! Failpoints: named places at which a test kills this process with SIGKILL. They do nothing without the feature
//! `failpoints`, which no release has.

/// All failpoints: before and after each step between the effect log and the systems outside.
pub const POINTS: &[&str] = &[
    "follow.before_append",
    "follow.after_append",
    "open.before_provider",
    "open.after_provider",
    "decide.before_append",
    "decide.after_append",
    "close.before_provider",
    "close.after_provider",
    "refund.before_provider",
    "refund.after_provider",
    "mail.before_send",
    "mail.after_send",
    "post.before",
    "post.after",
    "finish.before_append",
    "finish.after_append",
];

/// Kills the process if `NOTIFIER_FAILPOINT` is `<name>:<n>` and this is the n-th call for that name.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    static ARMED: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();
    debug_assert!(POINTS.contains(&name), "{name} is not a failpoint");
    let armed = ARMED.get_or_init(|| {
        let setting = std::env::var("NOTIFIER_FAILPOINT").ok()?;
        let (name, times) = setting.split_once(':')?;
        Some((name.to_owned(), AtomicU32::new(times.parse().ok()?)))
    });
    if let Some((at, left)) = armed
        && at == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Does nothing without the feature.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn hit(_: &str) {}
