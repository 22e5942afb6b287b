//! The `rosterd` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Creating ten thousand people takes a fifth less processor time than with the allocator of glibc.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    rosterd::cli::main(std::env::args_os()).into()
}
