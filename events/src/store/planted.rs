//! Faults that a simulation plants to show that it finds them. Without a simulation there are none.

/// A mistake that an implementation could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A group whose outcome is unknown counts as lost, without looking what stands at its position.
    RetryWithoutLooking,
    /// A group is appended behind the right position, whatever the hash there.
    #[cfg_attr(not(test), expect(dead_code, reason = "the simulated database makes it"))]
    ConditionWithoutHash,
    /// A group is acknowledged before the standby has it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the simulated database makes it"))]
    ReplyBeforeDurable,
    /// Conditions are checked against what was known before the groups of other processes were read.
    StaleProjection,
}

/// Whether `fault` is planted on this thread.
#[cfg(not(test))]
pub(super) const fn is_planted(_: Fault) -> bool {
    false
}

#[cfg(test)]
pub(super) use self::planting::{is_planted, is_simulating, plant, simulate};

#[cfg(test)]
mod planting {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
        static SIMULATING: Cell<bool> = const { Cell::new(false) };
    }

    /// Plants `fault` on this thread until the returned value is dropped.
    pub(in super::super) fn plant(fault: Fault) -> impl Drop {
        struct Planted;
        impl Drop for Planted {
            fn drop(&mut self) {
                PLANTED.set(None);
            }
        }
        PLANTED.set(Some(fault));
        Planted
    }

    /// Whether `fault` is planted on this thread.
    pub(in super::super) fn is_planted(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }

    /// From now on this thread simulates processes: a fatal error ends a task instead of the process.
    pub(in super::super) fn simulate() {
        SIMULATING.set(true);
    }

    /// Whether this thread simulates processes.
    pub(in super::super) fn is_simulating() -> bool {
        SIMULATING.get()
    }
}
