//! Why Windows refuses something, by the codes in its texts (MS-ERREF section 2.2). One table, for rosterd's own bind and
//! for the logins of others.

/// A refusal that says more than the result code that it comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such account.
    Nobody,
    /// The password is wrong.
    WrongPassword,
    /// The password is right, and must be changed before it is used.
    MustChange,
    /// The password does not meet the domain's rules.
    WeakPassword,
    /// Not at this time of the day.
    NotNow,
    /// Not from this computer.
    NotFromHere,
    /// The password has expired.
    PasswordExpired,
    /// The account is switched off.
    Disabled,
    /// The account has expired.
    AccountExpired,
    /// There were too many wrong passwords.
    LockedOut,
}

const CODES: [(u32, Refusal); 10] = [
    (0x525, Refusal::Nobody),
    (0x52d, Refusal::WeakPassword),
    (0x52e, Refusal::WrongPassword),
    (0x530, Refusal::NotNow),
    (0x531, Refusal::NotFromHere),
    (0x532, Refusal::PasswordExpired),
    (0x533, Refusal::Disabled),
    (0x701, Refusal::AccountExpired),
    (0x773, Refusal::MustChange),
    (0x775, Refusal::LockedOut),
];

impl Refusal {
    /// Reads the code in a text such as `0000052D: ...` and `..., data 773, v1db1`.
    pub fn of(text: &str) -> Option<Self> {
        let first = text.split(':').next().filter(|code| code.len() == 8);
        let data = text.split_once("data ").and_then(|(_, rest)| rest.split([',', ' ']).next());
        let code = [data, first].into_iter().flatten().find_map(|code| u32::from_str_radix(code, 16).ok())?;
        CODES.iter().find(|(known, _)| *known == code).map(|(_, refusal)| *refusal)
    }

    /// Returns the sentence for it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Nobody => "there is no such account",
            Self::WrongPassword => "the password is not accepted",
            Self::MustChange => "the password of the account must be changed before it is used",
            Self::WeakPassword => "the password does not meet the domain's rules (length, complexity, history)",
            Self::NotNow => "the account may not log in at this time",
            Self::NotFromHere => "the account may not log in from here",
            Self::PasswordExpired => "the password of the account has expired",
            Self::Disabled => "the account is switched off",
            Self::AccountExpired => "the account has expired",
            Self::LockedOut => "the account is locked after too many wrong passwords",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_wherever_it_stands() {
        for (code, refusal) in CODES {
            let bind =
                format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code:x}, v1db1");
            assert_eq!(Refusal::of(&bind), Some(refusal), "{bind}");
            let write = format!("{code:08X}: Constraint violation - check_password_restrictions: too short");
            assert_eq!(Refusal::of(&write), Some(refusal), "{write}");
        }
        for text in ["", "00002071: already in use", "data ", "..., data 7, v1", "..., data 7730, v1", "52e", "52E: x"]
        {
            assert_eq!(Refusal::of(text), None, "{text}");
        }
    }
}
