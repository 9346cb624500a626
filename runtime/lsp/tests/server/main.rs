//! What editors see: hover, completion, navigation, and that no place of any file makes the server fall over.

mod client;
mod everywhere;
mod seen;
