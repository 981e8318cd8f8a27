//! Watches a program until it has ended or must be ended: one thread, one `poll`.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::process::Child;
use std::time::Instant;

/// How much of what a program says on stderr is kept, half of it from the beginning and half from the
/// end: V8 first tells why it ends and then much else, Python the other way round.
const WORDS_BYTES: usize = 4096;

const CHUNK_BYTES: usize = 64 << 10;

/// A place in `poll`'s list that is to be passed over.
const NOTHING: RawFd = -1;

/// Why there is nothing more to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It ended by itself, or somebody ended it.
    Ended,
    /// Its time was over; it was killed.
    Deadline,
    /// It said more than may be said; it was killed.
    OutputTooLong,
}

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) stop: Stop,
    pub(super) output: Vec<u8>,
    pub(super) words: Vec<u8>,
}

/// The program has ended, or will at once; it is still to be waited for.
pub(super) fn watch(
    program: &mut Child,
    deadline: Option<Instant>,
    output_bytes: u64,
) -> io::Result<Watched> {
    let no_stream = || io::Error::from(io::ErrorKind::NotFound);
    let mut stdout = program.stdout.take().ok_or_else(no_stream)?;
    let mut stderr = program.stderr.take().ok_or_else(no_stream)?;
    let end = end_of(program)?;
    let most = usize::try_from(output_bytes).unwrap_or(usize::MAX);
    let (mut output, mut words) = (Vec::new(), Vec::new());
    let mut waited_for = [stdout.as_raw_fd(), stderr.as_raw_fd(), end.as_raw_fd()];
    let stop = loop {
        if waited_for == [NOTHING; 3] {
            break Stop::Ended;
        }
        let Some([says, complains, ended]) = wait(waited_for, deadline)? else {
            break Stop::Deadline;
        };
        let [stdout_fd, stderr_fd, end_fd] = &mut waited_for;
        if says && !read_some(&mut stdout, &mut output)? {
            *stdout_fd = NOTHING;
        }
        if output.len() > most {
            break Stop::OutputTooLong;
        }
        if complains && !read_some(&mut stderr, &mut words)? {
            *stderr_fd = NOTHING;
        }
        leave_out_the_middle(&mut words);
        if ended {
            *end_fd = NOTHING;
        }
    };
    if stop != Stop::Ended {
        program.kill()?;
    }
    Ok(Watched {
        stop,
        output,
        words,
    })
}

fn leave_out_the_middle(words: &mut Vec<u8>) {
    if words.len() > WORDS_BYTES {
        let half = WORDS_BYTES / 2;
        words.drain(half..words.len().saturating_sub(half));
    }
}

/// A file that can be read when the program has ended: a program may close its streams and go on.
fn end_of(program: &Child) -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "std waits for a child without a limit")]
    // SAFETY: takes numbers only; what it gives is a new descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, program.id(), 0);
        match i32::try_from(fd) {
            Ok(fd @ 0..) => Ok(OwnedFd::from_raw_fd(fd)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Which of them have something; `None` when the time is over.
fn wait(files: [RawFd; 3], deadline: Option<Instant>) -> io::Result<Option<[bool; 3]>> {
    loop {
        let timeout_ms = match deadline {
            None => -1,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(None);
                }
                // Rounded up, else the last millisecond is spent asking.
                i32::try_from(left.as_millis())
                    .unwrap_or(i32::MAX)
                    .saturating_add(1)
            }
        };
        let mut asked = files.map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        let count = libc::nfds_t::try_from(asked.len()).map_err(io::Error::other)?;
        #[expect(unsafe_code, reason = "std has no poll")]
        // SAFETY: the pointer and the count are those of one array, which outlives the call.
        let answer = unsafe { libc::poll(asked.as_mut_ptr(), count, timeout_ms) };
        match answer {
            1.. => return Ok(Some(asked.map(|file| file.revents != 0))),
            0 => {}
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}

/// False at the end of the stream.
fn read_some(stream: &mut impl Read, kept: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; CHUNK_BYTES];
    let bytes = stream.read(&mut chunk)?;
    kept.extend_from_slice(chunk.get(..bytes).unwrap_or_default());
    Ok(bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_words_are_kept() {
        let mut words = b"short".to_vec();
        leave_out_the_middle(&mut words);
        assert_eq!(words, b"short");
        for piece in [
            &b"first "[..],
            &[b'x'; 9000],
            b" middle ",
            &[b'y'; 9000],
            b" last",
        ] {
            words.extend_from_slice(piece);
            leave_out_the_middle(&mut words);
        }
        assert_eq!(words.len(), WORDS_BYTES);
        assert!(words.starts_with(b"shortfirst x") && words.ends_with(b"y last"));
    }
}
