//! Users and groups of the target: its passwd, group and shadow files, then its name service.

use crate::{Context, Program};

/// One line of the passwd file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The GECOS field.
    pub(crate) comment: String,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// One line of the group file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

/// One line of the shadow file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shadow {
    /// The password's hash, with `!` in front when it is locked.
    pub(crate) password: String,
    pub(crate) min_days: Option<i64>,
    pub(crate) max_days: Option<i64>,
    pub(crate) warn_days: Option<i64>,
    /// Days since 1970 on which the account ends.
    pub(crate) expires: Option<i64>,
}

/// Reads accounts of the target.
pub(crate) struct Accounts<'a> {
    cx: &'a Context<'a>,
}

impl<'a> Accounts<'a> {
    pub(crate) fn new(cx: &'a Context<'a>) -> Self {
        Self { cx }
    }

    /// The user of this name, local or from the name service.
    pub(crate) fn user(&self, name: &str) -> Option<User> {
        self.local_user(name).or_else(|| User::parse(&self.getent("passwd", name)?))
    }

    /// The user of this name in the passwd file.
    pub(crate) fn local_user(&self, name: &str) -> Option<User> {
        self.users().into_iter().find(|user| user.name == name)
    }

    /// The user of this id.
    pub(crate) fn user_by_id(&self, uid: u32) -> Option<User> {
        let local = self.users().into_iter().find(|user| user.uid == uid);
        local.or_else(|| User::parse(&self.getent("passwd", &uid.to_string())?))
    }

    /// Every user of the passwd file.
    pub(crate) fn users(&self) -> Vec<User> {
        self.lines("/etc/passwd").iter().filter_map(|line| User::parse(line)).collect()
    }

    /// Every group of the group file.
    pub(crate) fn groups(&self) -> Vec<Group> {
        self.lines("/etc/group").iter().filter_map(|line| Group::parse(line)).collect()
    }

    /// The group of this name, or of this id when it is a number.
    pub(crate) fn group(&self, name: &str) -> Option<Group> {
        let groups = self.groups();
        let by_id = || name.parse().ok().and_then(|gid: u32| groups.iter().find(|group| group.gid == gid));
        let local = groups.iter().find(|group| group.name == name).or_else(by_id).cloned();
        local.or_else(|| Group::parse(&self.getent("group", name)?))
    }

    /// The group of this very name, local or from the name service.
    pub(crate) fn group_named(&self, name: &str) -> Option<Group> {
        self.local_group(name).or_else(|| self.group(name).filter(|group| group.name == name))
    }

    /// A number of a user's shadow line, by its place.
    pub(crate) fn shadow_field(&self, name: &str, index: usize) -> Option<i64> {
        let lines = self.lines("/etc/shadow");
        let line = lines.iter().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(index)?.parse().ok()
    }

    /// The group of this name in the group file.
    pub(crate) fn local_group(&self, name: &str) -> Option<Group> {
        self.groups().into_iter().find(|group| group.name == name)
    }

    /// The shadow line of this name, if it may be read.
    pub(crate) fn shadow(&self, name: &str) -> Option<Shadow> {
        self.lines("/etc/shadow").iter().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let number = |index: usize| fields.get(index).and_then(|field| field.parse().ok());
            (fields.first() == Some(&name) && fields.len() > 1).then(|| Shadow {
                password: fields[1].to_owned(),
                min_days: number(3),
                max_days: number(4),
                warn_days: number(5),
                expires: number(7),
            })
        })
    }

    fn lines(&self, path: &str) -> Vec<String> {
        let bytes = std::fs::read(self.cx.path(path)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }

    /// Asks the name service, for accounts that are not in local files (LDAP, sssd).
    fn getent(&self, database: &str, key: &str) -> Option<String> {
        let getent = self.cx.sys().which("getent")?;
        let program = Program::new([getent.to_string_lossy().as_ref(), database, key]);
        let output = self.cx.sys().run(&program).ok().filter(crate::Output::success)?;
        output.out().lines().next().map(str::to_owned)
    }
}

impl User {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let &[name, _, uid, gid, comment, home, shell] = fields.as_slice() else { return None };
        let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
        let [name, comment, home, shell] = [name, comment, home, shell].map(str::to_owned);
        Some(Self { name, uid, gid, comment, home, shell })
    }
}

impl Group {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let &[name, _, gid, members] = fields.as_slice() else { return None };
        let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        Some(Self { name: name.to_owned(), gid: gid.parse().ok()?, members })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_passwd_and_group() {
        let user = User::parse("stack:x:1001:1002:Stack,,,:/home/stack:/bin/bash").unwrap();
        assert_eq!((user.uid, user.gid, user.home.as_str()), (1001, 1002, "/home/stack"));
        assert_eq!(User::parse("+::::::"), None);
        assert_eq!(Group::parse("sudo:x:27:a,b").unwrap().members, ["a", "b"]);
        assert!(Group::parse("sudo:x:27:").unwrap().members.is_empty());
    }
}
