//! House rules that the compiler cannot check.
