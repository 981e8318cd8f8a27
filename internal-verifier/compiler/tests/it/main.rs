//! The whole package as its users meet it: real releases, real processes. Needs Node, npm and Python
//! with pip, and on a fresh machine half a minute for each of the five releases that it compiles ahead.

#[cfg(test)]
mod compiling;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod old;
#[cfg(test)]
mod support;
#[cfg(test)]
mod vyper;
#[cfg(test)]
mod walls;
