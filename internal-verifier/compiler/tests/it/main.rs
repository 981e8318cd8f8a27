//! The whole package as its users meet it: real releases, real processes. Needs Node and npm, and on a
//! fresh machine half a minute for each of the five releases it prepares.

#[cfg(test)]
mod compiling;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod support;
#[cfg(test)]
mod walls;
