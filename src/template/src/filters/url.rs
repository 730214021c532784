//! `urllib.parse.urlsplit`.

/// The parts of a URL as Python splits them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) netloc: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) fragment: String,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches(|c: char| c <= ' ');
        let text: String = text.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).collect();
        let mut url = Self::default();
        let mut rest = text.as_str();
        if let Some(at) = rest.find(':')
            && rest.starts_with(|c: char| c.is_ascii_alphabetic())
            && rest[..at].chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        {
            url.scheme = rest[..at].to_ascii_lowercase();
            rest = &rest[at + 1..];
        }
        if let Some(after) = rest.strip_prefix("//") {
            let end = after.find(['/', '?', '#']).unwrap_or(after.len());
            let netloc = &after[..end];
            if netloc.contains('[') != netloc.contains(']') {
                return Err("Invalid IPv6 URL".to_owned());
            }
            netloc.clone_into(&mut url.netloc);
            rest = &after[end..];
        }
        if let Some((head, fragment)) = rest.split_once('#') {
            fragment.clone_into(&mut url.fragment);
            rest = head;
        }
        if let Some((head, query)) = rest.split_once('?') {
            query.clone_into(&mut url.query);
            rest = head;
        }
        rest.clone_into(&mut url.path);
        Ok(url)
    }

    fn user_info(&self) -> Option<&str> {
        self.netloc.rsplit_once('@').map(|(user, _)| user)
    }

    fn host_info(&self) -> (&str, Option<&str>) {
        let host = self.netloc.rsplit_once('@').map_or(self.netloc.as_str(), |(_, host)| host);
        match host.split_once('[') {
            Some((_, bracketed)) => {
                let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
                (host, rest.strip_prefix(':').filter(|port| !port.is_empty()))
            }
            None => match host.split_once(':') {
                Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
                None => (host, None),
            },
        }
    }

    pub(crate) fn username(&self) -> Option<String> {
        let user = self.user_info()?;
        Some(user.split_once(':').map_or(user, |(user, _)| user).to_owned())
    }

    pub(crate) fn password(&self) -> Option<String> {
        self.user_info()?.split_once(':').map(|(_, password)| password.to_owned())
    }

    pub(crate) fn hostname(&self) -> Option<String> {
        let (host, _) = self.host_info();
        // A zone keeps its case.
        let (name, zone) = host.split_once('%').map_or((host, None), |(name, zone)| (name, Some(zone)));
        let name = name.to_lowercase();
        let host = zone.map_or_else(|| name.clone(), |zone| format!("{name}%{zone}"));
        (!host.is_empty()).then_some(host)
    }

    pub(crate) fn port(&self) -> Result<Option<u16>, String> {
        let Some(port) = self.host_info().1 else { return Ok(None) };
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("Port could not be cast to integer value as '{port}'"));
        }
        port.parse().map(Some).map_err(|_| "Port out of range 0-65535".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_split_as_in_python() {
        let url = Url::parse("http://user:pass@Host.example:9000/dir/index.html?query=term#fragment").unwrap();
        assert_eq!(url.hostname().as_deref(), Some("host.example"));
        assert_eq!(url.port(), Ok(Some(9000)));
        assert_eq!((url.username().as_deref(), url.password().as_deref()), (Some("user"), Some("pass")));
        assert_eq!(
            (url.path.as_str(), url.query.as_str(), url.fragment.as_str()),
            ("/dir/index.html", "query=term", "fragment")
        );
        assert_eq!(Url::parse("http://[fe80::1]:80/").unwrap().hostname().as_deref(), Some("fe80::1"));
        assert_eq!(Url::parse("mailto:a@b").unwrap().path, "a@b");
        assert!(Url::parse("http://[::1").is_err());
    }
}
