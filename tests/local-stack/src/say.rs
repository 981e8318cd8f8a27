//! What a program of this package writes for whoever reads its log, or waits for it to listen.

use std::io::Write;
use std::net::SocketAddr;

use serde_json::{Value, json};

/// One line on standard output.
pub fn say(line: &Value) {
    let mut out = std::io::stdout();
    // Whoever does not listen any more misses it.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// As the services say it.
pub fn say_listening(address: SocketAddr, message: &str) {
    let address = address.to_string();
    say(&json!({"severity": "INFO", "event": "listening", "address": address, "message": message}));
}
