//! Which fault comes when: drawn from the seed, pure.

use std::time::Duration;

use super::fault::{Ability, Fault};

/// One break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strike {
    /// From the beginning of the storm.
    pub at: Duration,
    pub fault: Fault,
    /// How long it lasts, where it has a length.
    pub hold: Duration,
    /// Which node, where it hits one.
    pub node: u8,
    /// For what else is to be drawn.
    pub draw: u64,
}

/// The breaks of a run. `only`: none but these kinds (all where it is empty). Each run leaves some kinds out, so that
/// others have more of it; a `fair` one leaves none out and goes through all kinds in turn.
pub(crate) fn draw(
    seed: u64,
    length: Duration,
    every: Duration,
    nodes: u8,
    ability: Ability,
    only: &[Fault],
    fair: bool,
) -> Vec<Strike> {
    let mut dice = fastrand::Rng::with_seed(seed ^ 0x5703_a11d);
    let wanted = |fault: &&Fault| fault.is_possible(ability) && (only.is_empty() || only.contains(fault));
    let mut kinds: Vec<Fault> = Fault::ALL.iter().filter(wanted).copied().collect();
    if !fair && only.is_empty() {
        kinds.retain(|_| dice.u8(..3) > 0);
    }
    if kinds.is_empty() {
        return Vec::new();
    }
    let mut strikes = Vec::new();
    let mut deck: Vec<Fault> = Vec::new();
    let mut at = Duration::from_secs(1);
    while at < length {
        if deck.is_empty() {
            deck.clone_from(&kinds);
            dice.shuffle(&mut deck);
        }
        let Some(fault) = deck.pop() else { break };
        let hold = Duration::from_millis(match dice.u8(..10) {
            0..6 => dice.u64(100..1_500),
            6..9 => dice.u64(1_500..5_000),
            _ => dice.u64(5_000..12_000),
        });
        strikes.push(Strike {
            at,
            fault,
            hold: hold.min(length.saturating_sub(at)),
            node: dice.u8(..nodes),
            draw: dice.u64(..),
        });
        at += every.mul_f64(0.5 + dice.f64());
    }
    strikes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::Shape;

    const ALL: Ability = Ability { shape: Shape::Cluster, clock: true, disk: true };

    #[test]
    fn a_seed_gives_the_same_breaks_again() {
        let draw = |seed| draw(seed, Duration::from_secs(60), Duration::from_secs(1), 3, ALL, &[], false);
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn a_fair_run_has_every_possible_kind() {
        let every = Duration::from_millis(500);
        let strikes = draw(1, Duration::from_secs(60), every, 3, ALL, &[], true);
        for fault in Fault::ALL.iter().filter(|fault| fault.is_possible(ALL)) {
            assert!(strikes.iter().any(|strike| strike.fault == *fault), "{fault}");
        }
    }
}
