//! Intake
pub mod extract;
pub mod glue;
