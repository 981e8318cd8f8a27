//! Who calls whom between the services, shown by Google-signed ID tokens.
//!
//! [`mint`] gets a token for a callee, [`check`] examines a caller's, [`guard`] puts that check in
//! front of a route. Cloud Run's IAM checks the internal service's callers too; our own check keeps
//! a wrong binding from opening it, and is the only one there is in front of the public service and
//! on a laptop. There is no switch that turns it off: local runs use real tokens of a local issuer.

pub mod check;
pub mod guard;
pub mod keys;
pub mod mint;
