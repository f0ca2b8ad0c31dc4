use std::process::ExitCode;

fn main() -> ExitCode {
    let line = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    match quant::answer(&line) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("quant: {problem}");
            ExitCode::from(2)
        }
    }
}
