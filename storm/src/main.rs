//! `storm`: runs a real deployment of tenfour, breaks it at random from a seed, records what every client saw, and checks it.

#![allow(dead_code, unreachable_pub, reason = "the crowd that uses all this comes next")]

mod checker;
mod history;

fn main() {}
