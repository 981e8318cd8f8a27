//! The whole package as its users meet it: real releases, real processes. Needs Node, npm and Python
//! with pip, and on a fresh machine half a minute for each of the five releases that it compiles ahead. Where
//! solc's own builds would run, a program of ours stands in for them.

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod compiling;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod native;
#[cfg(test)]
mod old;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
#[cfg(test)]
mod vyper;
#[cfg(test)]
mod walls;
