//! The program: parse → telemetry → start → ready line → run until signalled → exit code.

mod cli;
mod program;

use std::process::ExitCode;

// It cannot be built by the other compilers of that system.
#[cfg(all(feature = "jemalloc", not(target_env = "msvc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    program::main()
}
