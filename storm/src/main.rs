//! `storm`: runs a real deployment of tenfour, breaks it at random from a seed, records what every client saw, and checks it.

mod checker;
mod history;

fn main() {}
