//! Security descriptors (MS-DTYP section 2.4.6), as much of them as tells whether somebody has a right.

/// A GUID as it is stored.
pub type Guid = [u8; 16];

/// Create a child (`ADS_RIGHT_DS_CREATE_CHILD`, MS-ADTS section 5.1.3.2).
pub const CREATE_CHILD: u32 = 0x1;
/// Delete a child.
pub const DELETE_CHILD: u32 = 0x2;
/// Write an attribute.
pub const WRITE_PROPERTY: u32 = 0x20;
/// An extended right, such as resetting a password.
pub const CONTROL_ACCESS: u32 = 0x100;

const GENERIC_ALL: u32 = 0x1000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
/// The entry is for children of containers.
const CONTAINER_INHERIT: u8 = 0x02;
/// It is not for the object itself.
const INHERIT_ONLY: u8 = 0x08;
/// It is this user's who creates the child.
const CREATOR_OWNER: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0];

/// An access list: who may do what, in the order in which it is looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct AccessList(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    flags: u8,
    mask: u32,
    /// The attribute, set of attributes, right or class that it is about; `None`: all.
    object: Option<Guid>,
    /// The class of children that inherit it; `None`: all.
    inherited_by: Option<Guid>,
    sid: Vec<u8>,
}

impl AccessList {
    /// Reads the list of a descriptor; `None` when it has none, or cannot be read.
    pub fn read(descriptor: &[u8]) -> Option<Self> {
        let start = usize::try_from(number(descriptor, 16)?).ok().filter(|start| *start > 0)?;
        let list = descriptor.get(start..)?;
        let count = u16::from_le_bytes(list.get(4..6)?.try_into().ok()?);
        let mut rest = list.get(8..)?;
        let mut rules = Vec::new();
        for _ in 0..count {
            let size = usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?));
            rules.extend(Rule::read(rest.get(..size.max(4))?));
            rest = &rest[size.max(4)..];
        }
        Some(Self(rules))
    }

    /// Returns the list of a new child of a class: what it inherits.
    pub fn of_child(&self, class: &Guid) -> Self {
        let is_for =
            |rule: &&Rule| rule.flags & CONTAINER_INHERIT != 0 && rule.inherited_by.is_none_or(|only| only == *class);
        let inherited = |rule: &Rule| Rule { flags: rule.flags & !INHERIT_ONLY, ..rule.clone() };
        Self(self.0.iter().filter(is_for).map(inherited).collect())
    }

    /// Returns whether one of `sids` has a right to one of `objects` (MS-ADTS section 5.1.3.3.3).
    pub fn grants(&self, sids: &[Vec<u8>], right: u32, objects: &[Guid]) -> bool {
        for rule in self.0.iter().filter(|rule| rule.flags & INHERIT_ONLY == 0) {
            let concerns = rule.object.is_none_or(|object| objects.contains(&object));
            let all = rule.mask & GENERIC_ALL != 0;
            let writes = right == WRITE_PROPERTY && rule.mask & GENERIC_WRITE != 0;
            if concerns && (rule.mask & right != 0 || all || writes) && sids.contains(&rule.sid) {
                return rule.allows;
            }
        }
        false
    }
}

impl Rule {
    /// Reads one entry; `None` when it neither allows nor denies.
    fn read(octets: &[u8]) -> Option<Self> {
        let (kind, flags, mask) = (octets[0], octets[1], number(octets, 4)?);
        let mut at = 8;
        let (mut object, mut inherited_by) = (None, None);
        // ACCESS_ALLOWED_OBJECT_ACE, ACCESS_DENIED_OBJECT_ACE
        if matches!(kind, 5 | 6) {
            let present = number(octets, 8)?;
            at = 12;
            for (bit, place) in [(1, &mut object), (2, &mut inherited_by)] {
                if present & bit != 0 {
                    *place = Some(octets.get(at..at + 16)?.try_into().ok()?);
                    at += 16;
                }
            }
        }
        let allows = match kind {
            0 | 5 => true,
            1 | 6 => false,
            _ => return None,
        };
        let length = 8 + 4 * usize::from(*octets.get(at + 1)?);
        let sid = octets.get(at..at + length)?.to_vec();
        Some(Self { allows, flags, mask, object, inherited_by, sid })
    }
}

/// Returns the SIDs that everybody has who has authenticated, and that of whoever creates an entry.
pub fn common() -> Vec<Vec<u8>> {
    // S-1-1-0 Everyone, S-1-5-11 Authenticated Users
    let well_known: [&[u8]; 3] =
        [&[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], &[1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0], CREATOR_OWNER];
    well_known.map(<[u8]>::to_vec).into()
}

fn number(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(octets.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const US: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 5, 42, 0, 0, 0];
    const USER: Guid = [1; 16];
    const TITLE: Guid = [2; 16];
    const MAIL: Guid = [3; 16];

    fn ace(kind: u8, flags: u8, mask: u32, object: Option<Guid>, inherited_by: Option<Guid>) -> Vec<u8> {
        let mut body = mask.to_le_bytes().to_vec();
        if matches!(kind, 5 | 6) {
            let present = u32::from(object.is_some()) | u32::from(inherited_by.is_some()) << 1;
            body.extend(present.to_le_bytes());
            body.extend(object.into_iter().chain(inherited_by).flatten());
        }
        body.extend(US);
        let size = u16::try_from(body.len() + 4).expect("small").to_le_bytes();
        [&[kind, flags, size[0], size[1]], body.as_slice()].concat()
    }

    fn descriptor(aces: &[Vec<u8>]) -> Vec<u8> {
        let mut octets = vec![1, 0, 4, 0x80];
        octets.extend([0; 12]);
        octets.extend(20_u32.to_le_bytes());
        octets.extend([4, 0, 0, 0, u8::try_from(aces.len()).expect("few"), 0, 0, 0]);
        octets.extend(aces.concat());
        octets
    }

    fn list(aces: &[Vec<u8>]) -> AccessList {
        AccessList::read(&descriptor(aces)).expect("a list")
    }

    #[test]
    fn a_right_is_about_its_object() {
        let list = list(&[ace(5, 0, WRITE_PROPERTY, Some(TITLE), None)]);
        let us = [US.to_vec()];
        assert!(list.grants(&us, WRITE_PROPERTY, &[TITLE]));
        assert!(list.grants(&us, WRITE_PROPERTY, &[MAIL, TITLE]), "the attribute, or its set");
        assert!(!list.grants(&us, WRITE_PROPERTY, &[MAIL]));
        assert!(!list.grants(&us, CONTROL_ACCESS, &[TITLE]));
        assert!(!list.grants(&[vec![1]], WRITE_PROPERTY, &[TITLE]));
    }

    #[test]
    fn what_is_denied_first_is_denied() {
        let denied = ace(6, 0, WRITE_PROPERTY, Some(TITLE), None);
        let allowed = ace(0, 0, GENERIC_ALL, None, None);
        let us = [US.to_vec()];
        let first = list(&[denied.clone(), allowed.clone()]);
        assert!(!first.grants(&us, WRITE_PROPERTY, &[TITLE]) && first.grants(&us, WRITE_PROPERTY, &[MAIL]));
        assert!(list(&[allowed, denied]).grants(&us, WRITE_PROPERTY, &[TITLE]));
    }

    #[test]
    fn children_inherit_what_is_for_their_class() {
        let us = [US.to_vec()];
        let both = CONTAINER_INHERIT | INHERIT_ONLY;
        let parent =
            list(&[ace(5, both, WRITE_PROPERTY, Some(TITLE), Some(USER)), ace(5, 0, CREATE_CHILD, Some(USER), None)]);
        assert!(!parent.grants(&us, WRITE_PROPERTY, &[TITLE]) && parent.grants(&us, CREATE_CHILD, &[USER]));
        let child = parent.of_child(&USER);
        assert!(child.grants(&us, WRITE_PROPERTY, &[TITLE]) && !child.grants(&us, CREATE_CHILD, &[USER]));
        assert!(!parent.of_child(&MAIL).grants(&us, WRITE_PROPERTY, &[TITLE]));
    }

    #[test]
    fn a_descriptor_without_a_list_is_none() {
        assert_eq!(AccessList::read(&[1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = AccessList::read(&octets);
            let whole = [&[1, 0, 4, 0x80][..], &[0; 12], &20_u32.to_le_bytes(), &octets].concat();
            let _ = AccessList::read(&whole).map(|list| list.grants(&[US.to_vec()], WRITE_PROPERTY, &[TITLE]));
        }
    }
}
