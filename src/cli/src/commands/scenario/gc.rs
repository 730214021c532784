//! What no scenario owns any more: shown, then removed.

use std::io::{self, IsTerminal as _, Write as _};

use rplay_diag::Diagnostic;
use rplay_scenario::lab::{LabError, Lease, Yard};
use rplay_scenario::provider::Object;

use super::show::kind;
use super::told::print;

fn said(text: String, hint: impl Into<String>) -> LabError {
    LabError::Said(Box::new(Diagnostic::error(text).hint(hint.into())))
}

/// Asks before what was shown is removed.
pub(super) fn asked(yes: bool, question: &str) -> Result<bool, LabError> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        let text = "nothing is removed without being asked for on a terminal".to_owned();
        return Err(said(text, "--yes removes all of this"));
    }
    print(question);
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

pub(super) fn gc(names: &[String], images: bool, yes: bool) -> Result<(), LabError> {
    let yard = Yard::open()?;
    let strays = yard.strays()?;
    for name in names {
        if !strays.iter().any(|stray| stray.scenario == *name) {
            let known = strays.iter().map(|stray| stray.scenario.as_str());
            let owned = Lease::all().into_iter().any(|lease| lease.scenario == *name);
            let hint = match rplay_diag::nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None if owned => "its lab is in use: `rplay scenario destroy` removes it".to_owned(),
                None => "`rplay scenario gc` lists what there is".to_owned(),
            };
            return Err(said(format!("nothing of a scenario `{name}` is left over"), hint));
        }
    }
    let mut going: Vec<Object> = Vec::new();
    for stray in strays {
        let goes = if names.is_empty() { !stray.unknown } else { names.contains(&stray.scenario) };
        if !names.is_empty() && !goes {
            continue;
        }
        let what = if goes { "" } else { "; stays unless it is named" };
        print(&format!("{}: {}{what}\n", stray.scenario, stray.why));
        for object in &stray.objects {
            print(&format!("  {:8} {}\n", kind(object.kind), object.id));
        }
        if goes {
            going.extend(stray.objects);
        }
    }
    if images {
        for image in yard.images()? {
            print(&format!("  image    {}\n", image.id));
            going.push(image);
        }
    }
    if going.is_empty() {
        print("nothing to remove\n");
        return Ok(());
    }
    if asked(yes, "Remove these? [y/N] ")? {
        yard.remove(&going)?;
        for lease in Lease::all().iter().filter(|lease| lease.over().is_some()) {
            lease.forget();
        }
        print(&format!("{} removed\n", going.len()));
    }
    Ok(())
}
