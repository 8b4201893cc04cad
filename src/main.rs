//! The program: parse → telemetry → start → ready line → run until signalled → exit code.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::main()
}
