//! The `virsh` program: what it is asked and what its refusals say.

use rplay_protocol::Reply;

use crate::{Args, Context, ModuleError, Program, tools};

/// Why libvirt did not do what it was asked, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) String);

impl From<Refusal> for ModuleError {
    fn from(refusal: Refusal) -> Self {
        Self::msg(refusal.0)
    }
}

/// `virsh` with a connection.
pub(super) struct Virsh {
    start: Vec<String>,
}

impl Virsh {
    /// Finds the program. Nothing is connected yet.
    pub(super) fn find(cx: &Context<'_>, args: &Args) -> Result<Self, ModuleError> {
        let Some(program) = tools::find(cx, "virsh") else {
            return Err(ModuleError::msg(
                "virsh is not installed on this host: install libvirt-clients (Debian) or libvirt-client (RPM systems)",
            ));
        };
        let mut start = vec![program, "-q".to_owned()];
        // On a Xen kernel libvirt finds its hypervisor by itself.
        let kernel = fs_err::read_to_string(cx.path("/proc/sys/kernel/osrelease")).unwrap_or_default();
        if !kernel.contains("xen") {
            start.extend(["-c".to_owned(), args.need("uri").to_owned()]);
        }
        Ok(Self { start })
    }

    /// Asks; the answer is what it prints.
    pub(super) fn ask<S: AsRef<str>>(&self, cx: &Context<'_>, words: &[S]) -> Result<String, Refusal> {
        self.run(cx, words, None)
    }

    /// Asks with a document, which the words name `/dev/stdin`.
    pub(super) fn ask_with<S: AsRef<str>>(&self, cx: &Context<'_>, words: &[S], xml: &str) -> Result<String, Refusal> {
        self.run(cx, words, Some(xml))
    }

    fn run<S: AsRef<str>>(&self, cx: &Context<'_>, words: &[S], input: Option<&str>) -> Result<String, Refusal> {
        let words = words.iter().map(AsRef::as_ref);
        let program = Program::new(self.start.iter().map(String::as_str).chain(words));
        let program = program.stdin(input.unwrap_or_default());
        let output = tools::run_program(cx, program).map_err(|error| Refusal(error.to_string()))?;
        if output.success() {
            return Ok(output.out());
        }
        // The program says what it could not do, then what libvirt says about it, which may have several lines.
        let said = output.err();
        let last = said.rsplit("\nerror: ").next().unwrap_or_default();
        Err(Refusal(last.strip_prefix("error: ").unwrap_or(last).trim_end().to_owned()))
    }

    /// Fails unless there is a connection.
    pub(super) fn connect(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        self.ask(cx, &["uri"]).map(drop)
    }

    /// The lines it prints that are not empty.
    pub(super) fn lines<S: AsRef<str>>(&self, cx: &Context<'_>, words: &[S]) -> Result<Vec<String>, Refusal> {
        let answer = self.ask(cx, words)?;
        Ok(answer.lines().filter(|line| !line.trim().is_empty()).map(|line| line.trim_end().to_owned()).collect())
    }

    /// What it prints as `Name: value`.
    pub(super) fn table<S: AsRef<str>>(&self, cx: &Context<'_>, words: &[S]) -> Result<Table, Refusal> {
        let lines = self.lines(cx, words)?;
        let entry = |line: &String| {
            let (key, value) = line.split_once(':')?;
            Some((key.trim().to_owned(), value.trim().to_owned()))
        };
        Ok(Table(lines.iter().filter_map(entry).collect()))
    }
}

/// Names and values.
pub(super) struct Table(Vec<(String, String)>);

impl Table {
    /// A value; empty when there is none.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    /// A number at the start of a value.
    pub(super) fn number(&self, key: &str) -> i64 {
        self.get(key).split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

/// Why a module ends before its end.
pub(super) enum Stop {
    /// With this result: in check mode, as soon as it is clear that something would change.
    With(Reply),
    /// Badly.
    Failed(ModuleError),
}

impl Stop {
    /// Something would change.
    pub(super) fn would_change() -> Self {
        Self::With(Reply::changed(true))
    }

    /// A failure with a message.
    pub(super) fn msg(msg: impl Into<String>) -> Self {
        Self::Failed(ModuleError::msg(msg))
    }

    /// What the module returns.
    pub(super) fn settle(outcome: Result<Reply, Self>) -> Result<Reply, ModuleError> {
        match outcome {
            Ok(reply) | Err(Self::With(reply)) => Ok(reply),
            Err(Self::Failed(error)) => Err(error),
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal.into())
    }
}

impl From<ModuleError> for Stop {
    fn from(error: ModuleError) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Call;

    use super::*;
    use crate::testing::{Fake, args};
    use crate::{ArgSpec, Output};

    const SPEC: ArgSpec = ArgSpec { args: &[crate::Arg::text("uri")], ..ArgSpec::EMPTY };

    #[test]
    fn the_last_error_is_libvirts() {
        let stderr = b"error: Failed to define domain from /dev/stdin\nerror: XML error: one\ntwo\n".to_vec();
        let fake = Fake::new().unwrap().answer("virsh", Output { rc: 1, stdout: Vec::new(), stderr });
        let call = Call::default();
        let cx = Context::new(&fake, &call);
        let given = SPEC.check("virt", &args([("uri", "test:///default")])).unwrap();
        let virsh = Virsh::find(&cx, &given).unwrap();
        assert_eq!(virsh.ask(&cx, &["define", "/dev/stdin"]), Err(Refusal("XML error: one\ntwo".to_owned())));
        assert_eq!(fake.command_lines(), ["virsh -q -c test:///default define /dev/stdin"]);
    }

    #[test]
    fn without_the_program_its_package_is_named() {
        let reply = Fake::new().unwrap().call("virt", args([("command", "list_vms")]));
        assert!(reply.failed);
        assert!(reply.data.get("msg").unwrap().to_string().contains("install libvirt-clients"));
    }
}
