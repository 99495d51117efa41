//! Breaks the deployment: which fault, when, whom and for how long, drawn from the seed.
//!
//! The schedule is pure ([`schedule`]); carrying it out ([`apply`]) is not, and knows nothing of why.

pub(crate) mod apply;
pub(crate) mod fault;
pub(crate) mod schedule;
