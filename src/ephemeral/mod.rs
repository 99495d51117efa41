//! What lives only as long as somebody is there: who can be reached. Never in the database.
//!
//! The presence actor writes it, rooms and answers read it. This is where the state that nodes share comes in; within
//! one process it is memory.

mod memory;

pub use memory::Online;
