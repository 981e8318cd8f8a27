//! Stands in for solc's own build, whose host can't be reached everywhere: reads standard JSON on stdin,
//! answers with standard JSON, and does what its source asks for in a comment, `// do: fork`. It knows
//! no more of the language than that.
//!
//! The tests compile it, static as solc is, with nothing but the standard library.

use std::ffi::{c_char, c_int};
use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;

unsafe extern "C" {
    fn fork() -> c_int;
    fn setsid() -> c_int;
    fn close(file: c_int) -> c_int;
    fn kill(process: c_int, signal: c_int) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn execv(path: *const c_char, arguments: *const *const c_char) -> c_int;
}

fn main() {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input).unwrap();
    let wish = input.split_once("// do: ").and_then(|(_, rest)| {
        rest.split(|c: char| !c.is_ascii_lowercase() && c != '-')
            .next()
    });
    let said = match wish.unwrap_or_default() {
        "endless" => endless(),
        "allocate" => allocate(),
        "print" => print(),
        "abort" => std::process::abort(),
        "segfault" => segfault(),
        "silent" => return,
        "gibberish" => return println!("Internal error."),
        "fail" => fail(),
        "close-streams" => close_streams(),
        "kill" => kill_the_supervisor(),
        "fork" => told(if unsafe { fork() } >= 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }),
        "start" => told(Command::new("/bin/sh").arg("-c").arg("sleep 100").spawn()),
        "become" => become_another(),
        "leave" => leave(),
        "connect" => connect(),
        "write" => told(fs::write("/tmp/sourcerun-stand-in", "x")),
        "threads" => threads(),
        "surroundings" => surroundings(),
        "read" => read(&input),
        _ => "hello".to_owned(),
    };
    println!("{{\"contracts\":{{\"a.sol\":{{\"A\":{{\"said\":{said:?}}}}}}},\"sources\":{{}}}}");
}

fn told<T>(done: io::Result<T>) -> String {
    match done {
        Ok(_) => "WENT THROUGH".to_owned(),
        Err(error) => error.kind().to_string(),
    }
}

fn endless() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// As C++ does it.
fn allocate() -> ! {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(1 << 20).is_err() {
            eprintln!("terminate called after throwing an instance of 'std::bad_alloc'");
            std::process::abort();
        }
        block.resize(1 << 20, 1);
        blocks.push(block);
    }
}

fn print() -> ! {
    loop {
        println!("{}", "x".repeat(1000));
    }
}

fn segfault() -> ! {
    unsafe { std::ptr::dangling_mut::<u8>().write_volatile(1) };
    unreachable!()
}

fn fail() -> ! {
    eprintln!("Exception in the optimizer");
    std::process::exit(2)
}

/// Nothing more can be heard of it, and it goes on.
fn close_streams() -> ! {
    for stream in [1, 2] {
        unsafe { close(stream) };
    }
    endless()
}

fn kill_the_supervisor() -> ! {
    // Whoever carries for it. Not permitted, else nobody would hear of it.
    let supervisor = std::os::unix::process::parent_id() as c_int;
    unsafe { kill(supervisor, 9) };
    eprintln!("still here");
    std::process::exit(3)
}

fn become_another() -> String {
    let path = c"/bin/sh".as_ptr();
    unsafe { execv(path, [path, std::ptr::null()].as_ptr()) };
    io::Error::last_os_error().kind().to_string()
}

/// Out of the group that is killed, and out of reach of the parent's end.
fn leave() -> String {
    let left = unsafe { setsid() } >= 0 || unsafe { prctl(1, 0) } == 0;
    if left { "WENT THROUGH" } else { "stayed" }.to_owned()
}

fn connect() -> String {
    [
        told(TcpStream::connect("127.0.0.1:9")),
        told(TcpListener::bind("127.0.0.1:0")),
        told(UdpSocket::bind("127.0.0.1:0")),
        told(UnixStream::pair()),
    ]
    .join(", ")
}

fn threads() -> String {
    let threads: Vec<_> = (0..8_u64)
        .map(|n| std::thread::spawn(move || n * n))
        .collect();
    let sum: u64 = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    format!("sum {sum}")
}

fn surroundings() -> String {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let here = std::env::current_dir().unwrap();
    let open = (0..64).filter(|fd| fs::metadata(format!("/proc/self/fd/{fd}")).is_ok());
    format!(
        "{} | {} variables | in {} | files {:?}",
        arguments.join(" "),
        std::env::vars_os().count(),
        here.file_name().unwrap().display(),
        open.collect::<Vec<_>>(),
    )
}

/// Opens everything in quotes that looks like a path, as solc does for `urls`, imports and remappings.
fn read(input: &str) -> String {
    let mut said = Vec::new();
    for word in input.split(['"', '\\', '=']) {
        let path = word.strip_prefix("file://").unwrap_or(word);
        if (path.starts_with('/') && !path.starts_with("//")) || path.starts_with("..") {
            let read = match fs::read_to_string(path) {
                Ok(text) => format!("LEAKED {text}"),
                Err(error) => error.kind().to_string(),
            };
            let listed = told(fs::read_dir(path));
            said.push(format!("{path}: {read}, {listed}"));
        }
    }
    said.join("; ")
}
