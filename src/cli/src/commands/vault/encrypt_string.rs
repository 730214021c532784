//! `rplay vault encrypt_string`: strings become `!vault` values to paste into YAML.

use std::io::{self, IsTerminal as _, Write as _};

use rplay_engine::{Prompter as _, Question};
use zeroize::Zeroizing;

use super::session::{self, Session};
use crate::failure::Failure;
use crate::prompter::Terminal;

/// Columns the envelope is indented by.
const INDENT: usize = 10;

/// A string with where it came from and the variable it is for.
struct Plain {
    text: Zeroizing<Vec<u8>>,
    source: &'static str,
    name: Option<String>,
}

pub(super) fn run(options: &super::EncryptString, session: &Session<'_>) -> Result<(), Failure> {
    let output = options.output.output.as_deref();
    if output.is_some() && options.strings.len() > 1 {
        return Err(session::options("At most one input file may be used with the --output option"));
    }
    let from_stdin = options.strings.iter().any(|text| text == "-")
        || options.stdin_name.is_some()
        || options.strings.is_empty() && !options.prompt;
    if options.prompt && from_stdin {
        return Err(session::options("The --prompt option is not supported if also reading input from stdin"));
    }
    let (secrets, key) = session.encrypting(&options.id)?;
    let mut plains = Vec::new();
    if options.prompt {
        plains.push(asked(options.show_input)?);
    }
    if from_stdin {
        plains.push(standard_input(options.stdin_name.clone())?);
    }
    plains.extend(arguments(options)?);

    let several = plains.len() > 1;
    let mut out = String::new();
    for (number, plain) in (1..).zip(&plains) {
        let envelope =
            secrets.encrypt_with(&*plain.text, &key.password, &key.id).map_err(|error| session::failed(&error))?;
        if several {
            session::say(&match &plain.name {
                Some(name) => format!(
                    "# The encrypted version of variable (\"{name}\", the string #{number} from {}).",
                    plain.source
                ),
                // The closing bracket is the reference's.
                None => format!("# The encrypted version of the string #{number} from {}.)", plain.source),
            });
        }
        out.push_str(&yaml(&envelope, plain.name.as_deref()));
    }
    session::write_data(out.as_bytes(), std::path::Path::new("-"), output, false)?;
    session::say_to_terminal("Encryption successful");
    Ok(())
}

fn yaml(envelope: &str, name: Option<&str>) -> String {
    let mut out = name.map(|name| format!("{name}: ")).unwrap_or_default();
    out.push_str("!vault |\n");
    for line in envelope.lines() {
        out.push_str(&" ".repeat(INDENT));
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn asked(shown: bool) -> Result<Plain, Failure> {
    let ask = |text: &str, private| {
        let question = Question { text: text.to_owned(), private };
        Terminal.ask(&question).map_err(|error| session::trouble(format!("could not ask: {error}")))
    };
    let name = ask("Variable name (enter for no name): ", false)?;
    let text = ask(if shown { "String to encrypt:" } else { "String to encrypt (hidden): " }, !shown)?;
    if text.is_empty() {
        return Err(session::options("The plaintext provided from the prompt was empty, not encrypting"));
    }
    let name = Some(name).filter(|name| !name.is_empty());
    Ok(Plain { text: Zeroizing::new(text.into_bytes()), source: "the interactive prompt", name })
}

fn standard_input(name: Option<String>) -> Result<Plain, Failure> {
    let watched = io::stdout().is_terminal();
    if watched {
        session::say(
            "Reading plaintext input from stdin. (ctrl-d to end input, twice if your content does not already have a newline)",
        );
    }
    let text = session::read_data(std::path::Path::new("-"))?;
    if text.is_empty() {
        return Err(session::options("stdin was empty, not encrypting"));
    }
    if watched && !text.ends_with(b"\n") {
        let _ = writeln!(io::stdout());
    }
    Ok(Plain { text, source: "stdin", name })
}

/// The strings of the command line, matched with `--name` in order.
fn arguments(options: &super::EncryptString) -> Result<Vec<Plain>, Failure> {
    let texts: Vec<&String> = options.strings.iter().filter(|text| *text != "-").collect();
    if let Some(last) = options.names.last()
        && options.names.len() < texts.len()
    {
        session::say("The number of --name options do not match the number of args.");
        session::say(&format!("The last named variable will be \"{last}\". The rest will not have names."));
    }
    let mut names = options.names.iter().cloned();
    let plain = |text: &String| {
        if text.is_empty() {
            return Err(session::options(
                "The plaintext provided from the command line args was empty, not encrypting",
            ));
        }
        let text = Zeroizing::new(text.clone().into_bytes());
        Ok(Plain { text, source: "the command line args", name: names.next() })
    };
    texts.into_iter().map(plain).collect()
}
